//! The program against a server that runs its SQL as Snowflake would.

mod peer;
pub(crate) mod table;
mod rows;
mod sync;
mod selection;
mod init;
mod kill;
mod faults;
mod hashing;
