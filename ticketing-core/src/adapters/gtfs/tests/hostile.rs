//! Feeds that mean harm, or were mangled: never a panic, never a catalogue that contradicts itself.

use super::{Import, fixture, options, run};
use proptest::prelude::*;
use std::collections::HashSet;
use std::fs;
use std::io::Write;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// The files of a fixture feed, by name.
fn files(feed: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(fixture(feed))
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// One way to mangle bytes.
#[derive(Clone, Debug)]
enum Mangle {
    Cut(f64, usize),
    Repeat(f64, usize),
    Insert(f64, Vec<u8>),
}

impl Mangle {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |share: f64, length: usize| (share * length as f64) as usize;
        match self {
            Self::Cut(at, length) => {
                let at = place(*at, bytes.len());
                let end = (at + length).min(bytes.len());
                bytes.drain(at..end);
            }
            Self::Repeat(at, length) => {
                let at = place(*at, bytes.len());
                let end = (at + length).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            Self::Insert(at, new) => {
                let at = place(*at, bytes.len());
                bytes.splice(at..at, new.iter().copied());
            }
        }
    }
}

fn mangle() -> impl Strategy<Value = Mangle> {
    let text = prop_oneof![
        Just(b"\"".to_vec()),
        Just(b",".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"99999999999".to_vec()),
        Just(b"-1".to_vec()),
        Just(b"25:00:00".to_vec()),
        proptest::collection::vec(any::<u8>(), 1..8),
    ];
    prop_oneof![
        (0.0..1.0, 1_usize..40).prop_map(|(at, length)| Mangle::Cut(at, length)),
        (0.0..1.0, 1_usize..80).prop_map(|(at, length)| Mangle::Repeat(at, length)),
        (0.0..1.0, text).prop_map(|(at, text)| Mangle::Insert(at, text)),
    ]
}

/// What holds of every import, whatever the feed was.
fn check(import: &Import) {
    let catalog = &import.catalog;
    let patterns: HashSet<_> = catalog.patterns.iter().map(|p| p.id).collect();
    let routes: HashSet<_> = catalog.routes.iter().map(|r| r.id).collect();
    let ids: HashSet<_> = catalog.offerings.iter().map(|o| o.id).collect();
    assert_eq!(patterns.len(), catalog.patterns.len());
    assert_eq!(routes.len(), catalog.routes.len());
    assert_eq!(ids.len(), catalog.offerings.len());
    assert_eq!(import.summary.departures, ids.len() as u64);
    assert_eq!(import.summary.skipped_rows, import.report.total());
    for offering in &catalog.offerings {
        assert!(
            patterns.contains(&offering.pattern_id)
                && offering.route_id.is_some_and(|id| routes.contains(&id))
        );
        assert!(offering.departs_at <= offering.arrives_at && offering.fare.amount_minor >= 0);
    }
    for pattern in &catalog.patterns {
        assert!(pattern.calls.len() >= 2 && pattern.calls[0].departure_s == 0);
        assert!(pattern.calls.iter().all(|c| c.arrival_s <= c.departure_s));
        for pair in pattern.calls.windows(2) {
            assert!(pair[0].sequence < pair[1].sequence && pair[0].departure_s <= pair[1].arrival_s);
        }
    }
    let texts = catalog
        .routes
        .iter()
        .map(|r| &r.name)
        .chain(catalog.patterns.iter().flat_map(|p| p.calls.iter().map(|c| &c.name)));
    for text in texts {
        assert!(!text.chars().any(char::is_control) && text.chars().count() <= 255, "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mangled_feed_is_imported_or_refused_but_never_wrong(
        which in any::<bool>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), mangle()), 1..6),
        strict in any::<bool>(),
    ) {
        let mut files = files(if which { "mini-city" } else { "untidy" });
        for (index, change) in &changes {
            let length = files.len();
            change.apply(&mut files[index.index(length)].1);
        }
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in &files {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        let mut options = options("2026-06-01", 7);
        options.fare = Some("1.00".into());
        options.strict = strict && which;
        match run(folder.path(), &options) {
            Ok(import) => check(&import),
            Err(error) => prop_assert!(error.to_string().len() < 2_000),
        }
    }

    #[test]
    fn a_mangled_zip_is_imported_or_refused_but_never_wrong(
        changes in proptest::collection::vec(mangle(), 1..4),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feed.zip");
        let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, bytes) in files("mini-city") {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(&bytes).unwrap();
        }
        let mut bytes = zip.finish().unwrap().into_inner();
        for change in &changes {
            change.apply(&mut bytes);
        }
        fs::write(&path, bytes).unwrap();
        if let Ok(import) = run(&path, &options("2026-06-01", 7)) {
            check(&import);
        }
    }

    #[test]
    fn random_bytes_in_a_file_never_cause_a_panic(
        index in any::<prop::sample::Index>(),
        bytes in proptest::collection::vec(any::<u8>(), 0..2_000),
    ) {
        let mut files = files("mini-city");
        let length = files.len();
        files[index.index(length)].1 = bytes;
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in &files {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        if let Ok(import) = run(folder.path(), &options("2026-06-01", 7)) {
            check(&import);
        }
    }
}
