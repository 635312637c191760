/**
 * What the desk says and hears of alerts, as docs/reference/http.md writes it down.
 *
 * Types only: nothing here runs. Instants are integer microseconds UTC; lengths inside a rule keep their unit in their name.
 */
import type { CoverageState, Micros } from '../protocol';

export type Severity = 'info' | 'warning' | 'critical';
export type Phase = 'active' | 'done' | 'expired' | 'paused';
export type LeafState = 'unseen' | 'no' | 'yes';
export type Side = 'above' | 'below';
export type Way = 'up' | 'down' | 'either';
export type Role = 'level' | 'rearm' | 'low' | 'high';

export type Leaf =
  | { type: 'price_is'; instrument: string; side: Side; level: number; rearm?: number | null }
  | { type: 'price_crosses'; instrument: string; way: Way; level: number; rearm?: number | null }
  | { type: 'price_channel'; instrument: string; low: number; high: number; passage: 'enters' | 'leaves'; margin?: number }
  | { type: 'price_moves'; instrument: string; way: Way; percent: number; window_ns: number }
  | { type: 'volume_is'; instrument: string; quantity: number; window_ns: number }
  | { type: 'spread_is'; instrument: string; basis_points: number }
  | { type: 'indicator_is'; instrument: string; interval: string; indicator: string; side: Side; level?: number | null; other?: string; part?: string }
  | { type: 'signal_given'; instrument: string; confidence?: number }
  | { type: OtherKind; [part: string]: unknown };

/** They have no sentence and no form yet; a rule that has one is shown as it is and left alone. */
export type OtherKind = 'system_is' | 'option_is' | 'position_is' | 'pnl_is' | 'expiry_near';

export type Condition = Leaf | { type: 'all_of' | 'any_of'; parts: Leaf[] };

export interface Quiet {
  /** Minutes since midnight of `zone`. */
  start: number;
  end: number;
  zone?: string;
}

export interface Rule {
  condition: Condition;
  repeat?: 'once' | 'every' | 'per_bar';
  bar?: string | null;
  hold_ns?: number;
  cooldown_ns?: number;
  expires?: Micros | null;
  already?: boolean;
  doubt?: 'fire' | 'complete_only' | 'tell';
  severity?: Severity;
  note?: string;
  channels?: string[];
  quiet?: Quiet | null;
}

/** A price of a rule that can be drawn, and moved; `part` counts its conditions from 0. */
export interface LineRow {
  instrument: string;
  role: Role;
  price: number;
  part: number;
}

export interface AlertRow {
  name: string;
  version: number;
  sentence: string;
  rule: Rule;
  phase: Phase;
  holds: boolean | null;
  unknown: boolean;
  leaves: LeafState[];
  waits_for: string[];
  firings: number;
  last_fired: Micros | null;
  armed: Micros;
  severity: Severity;
  note: string;
  channels: string[];
  instruments: string[];
  lines: LineRow[];
  steps: number;
  since: Micros | null;
  due: Micros | null;
}

export interface Limits {
  price_rules: number;
  price_rules_armed: number;
  signal_rules: number;
  signal_rules_armed: number;
  notifications: number;
  toast_s: number;
}

export interface AlertsAnswer {
  alerts: AlertRow[];
  limits: Limits;
}

export interface AlertsDelta {
  alerts: AlertRow[];
  removed: string[];
  limits: Limits;
}

export interface Preview {
  sentence: string;
  rule: Rule;
  waits_for: string[];
  lines: LineRow[];
  leaves: LeafState[];
  instrument: string | null;
  price: number | null;
}

export type DeliveryState = 'waiting' | 'sent' | 'held' | 'off' | 'dead';

export interface Delivery {
  channel: string;
  state: DeliveryState;
  attempts: number;
  next_try: Micros | null;
  done: Micros | null;
  error: string;
  together: number;
  instead_of: string;
}

export interface Notification {
  key: string;
  alert: string;
  firing: number;
  title: string;
  text: string;
  sentence: string;
  severity: Severity;
  note: string;
  instrument: string | null;
  /** By the venue's clock. */
  fired: Micros;
  /** By the desk's. */
  told: Micros;
  value: number;
  trade_id: string | null;
  state: CoverageState;
  after_gap: boolean;
  late: boolean;
  read: boolean;
  deliveries: Delivery[];
  number: number;
  read_at: Micros | null;
}

export interface NotificationsAnswer {
  notifications: Notification[];
  unread: number;
}

export interface NotificationsDelta extends NotificationsAnswer {
  fired: string[];
  removed: string[];
}

export type Outcome = 'fired' | 'holds' | 'already' | 'over' | 'noted' | 'corrected' | 'dated' | 'cooling' | 'same_bar' | 'doubted' | 'expired' | 'unknown' | 'edited' | 'paused' | 'resumed';

export interface Step {
  number: number;
  outcome: Outcome;
  ts_event: Micros;
  ts_recv: Micros;
  trade_id: string | null;
  value: number;
  state: CoverageState;
  after_gap: boolean;
  late: boolean;
  leaf: number | null;
  before: LeafState[];
  after: LeafState[];
  phase: Phase;
  fired: Micros | null;
  words: string;
}

export interface WhyTrade {
  trade_id: string;
  price: number;
  quantity: number;
  side: 'buy' | 'sell';
  ts_event: Micros;
  ts_recv: Micros;
}

export interface Why {
  name: string;
  /** Null where the rule is removed. */
  alert: AlertRow | null;
  sentence: string;
  at: Micros;
  reason: string;
  steps: Step[];
  later: Step[];
  trades: WhyTrade[];
  around: string;
  alerts: Notification[];
}

export interface Rehearsal {
  over: string;
  sentence: string;
  start: Micros;
  end: Micros;
  judged: number;
  unknown: [Micros, Micros][];
  fired: Micros[];
  swallowed: Record<string, number>;
  clusters: number;
  per_day: number | null;
  wished_per_day: number | null;
  enough: boolean | null;
  cooldown_s: number | null;
  rearm: number | null;
  prices: [Micros, number][];
  asked_from: Micros | null;
}

export interface Channel {
  name: string;
  kind: string;
  target: string;
  ready: boolean;
  why: string;
  off: boolean;
  fallback: string;
  waiting: number;
  sent: number;
  dead: number;
}

/** A rule, said in either way. */
export interface Said {
  sentence?: string;
  rule?: Rule;
}

export interface RehearsalWish extends Said {
  over?: 'trades' | 'bars';
  span_s?: number | null;
  per_day?: number | null;
}
