//! Likely secrets in results: keys and tokens that must not be pushed.
//!
//! A cell that prints its environment, or a request with its headers, puts a key into an output.
//! Before a push the parts that are to travel are searched. Tokens are known by how their makers
//! begin them (`rules.rs`), other secrets by what they are called (`assignment.rs`) or where they
//! stand in an address (`address.rs`); examples and names are told from secrets by `plausible.rs`.

mod address;
mod assignment;
mod clean;
mod finding;
mod media;
mod plausible;
mod rule;
mod rules;
mod scan;
mod starts;
#[cfg(test)]
mod tests;
mod window;

pub use finding::{Finding, is_finding_digest};
pub use scan::{EntryFindings, PartFinding, ScanReport, scan_entries};

use window::Search;

/// Counts up with every change to what is found, so that what was clean is searched once more.
const RULES_VERSION: u32 = 1;

/// Returns the likely secrets in the bytes of a part, by place; at most some hundred.
///
/// Bytes that are compressed, or a picture, have none, whatever `media_type` says; in other binary
/// bytes only tokens are found that show by themselves what they are.
pub fn find_secrets(bytes: &[u8], media_type: &str) -> Vec<Finding> {
    Search::whole(media_type, bytes)
}

/// Returns the name and the meaning of every rule, sorted by name.
pub fn secret_rules() -> Vec<(&'static str, &'static str)> {
    let tokens = rules::RULES.iter().map(|rule| (rule.name, rule.about));
    let account = (rules::SERVICE_ACCOUNT, "key of a Google service account");
    let mut all: Vec<_> =
        tokens.chain(assignment::RULES).chain(address::RULES).chain([account]).collect();
    all.sort_unstable();
    all
}
