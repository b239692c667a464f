//! `recell serve`: bundles for viewers over HTTP (docs/serving.md).
//!
//! `listen` owns the sockets and the asynchronous runtime; everything else is plain functions from
//! a request to a reply, and no request changes the store. `guard` decides who may ask, `asked`
//! reads what for, `answers` has the bundles say it, and `reply` gives it back whole, in part, or
//! not at all if the client has it already.

mod answers;
mod asked;
mod body;
mod guard;
mod listen;
mod percent;
mod ranges;
mod reply;
mod respond;
mod socket;
mod token;

pub use guard::AllowedOrigin;
pub use listen::{Answered, Limits, Notice, ServeOptions, Server, Stopper};
pub use token::Token;
