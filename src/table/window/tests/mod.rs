//! What windows promise, held against tables made by the library itself.

mod made;
mod readers;
mod reading;
mod refused;
mod slices;
