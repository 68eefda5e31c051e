//! The demo: invented rows, a real sync, and the sandbox in Meta's place.

mod dice;
mod people;
pub mod rows;
