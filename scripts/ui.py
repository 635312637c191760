"""placeholder"""
def build_ui() -> None:
    return None
