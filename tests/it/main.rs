//! Integration tests, through the doors.
