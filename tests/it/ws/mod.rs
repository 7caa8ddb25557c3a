//! The native WebSocket of people.

mod admission;
mod bad_input;
mod compression;
mod frames;
mod late;
mod pace;
mod pages;
mod permissions;
mod questions;
mod resume;
mod slow;
mod storm;
mod tap;
