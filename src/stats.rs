//! tmp
#[derive(Debug, Clone)]
/// tmp
pub struct Stats;
impl Stats {
    pub(crate) fn from_text(_: &[u8]) -> Result<Stats, String> {
        Ok(Stats)
    }
    pub(crate) fn to_text(&self) -> Vec<u8> {
        Vec::new()
    }
}
