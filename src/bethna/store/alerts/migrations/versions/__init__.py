"""One file a step, in their order by `down_revision`; a step changes tables and reads no alerts."""
