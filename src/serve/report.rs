//! What there is of bundles, as JSON (docs/serving.md, `/cache`).

use serde_json::{Value, json};

use crate::bundle::{BundleReport, ReportEntry};

pub(super) fn to_json(space: &str, report: &BundleReport) -> Value {
    json!({
        "space": space,
        "bundles": report.entries.len(),
        "versions": report.versions,
        "bytes": report.bytes,
        "in_memory": report.in_memory,
        "memory_bytes": report.memory_bytes,
        "memory_cap": report.memory_cap,
        "hits": report.hits,
        "misses": report.misses,
        "mismatches": report.mismatches,
        "hit_rate": report.hit_rate(),
        "disk_loads": report.disk_loads,
        "evictions": report.evictions,
        "seconds_saved": report.seconds_saved,
        "entries": report.entries.iter().map(entry).collect::<Vec<_>>(),
    })
}

fn entry(entry: &ReportEntry) -> Value {
    json!({
        "name": entry.name.as_str(),
        "data_id": entry.data_id,
        "config_id": entry.config_id,
        "state": entry.scope,
        "created_at": entry.name.created_at().to_rfc3339(),
        "versions": entry.versions,
        "bytes": entry.bytes,
        "memory_bytes": entry.memory_bytes,
        "hits": entry.hits,
        "last_used": entry.last_used.map(crate::clock::Timestamp::to_rfc3339),
        "compute_seconds": entry.compute_seconds,
    })
}
