//! What windows promise, held against tables made by the library itself.

mod made;
mod reading;
mod refused;
mod slices;
