//! Integration tests, through the doors.

mod architecture;
