//! Carillon, a realtime event hub in one binary.
