//! Telemetry: what a module says of itself.
