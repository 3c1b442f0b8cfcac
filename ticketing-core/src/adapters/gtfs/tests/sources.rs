//! Zips and folders as they come, and every refusal with its sentence.

use super::super::source::{Limit, Source};
use super::{GtfsError, SMALL, options, run, small, small_feed};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Writes a zip of these files.
fn write_zip<'a>(path: &Path, files: impl IntoIterator<Item = (String, &'a [u8])>) {
    let mut zip = ZipWriter::new(File::create(path).unwrap());
    for (name, bytes) in files {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

/// Writes [`SMALL`] as a zip, each name with this before it.
fn small_zip(folder: &Path, prefix: &str) -> PathBuf {
    let path = folder.join("feed.zip");
    write_zip(&path, SMALL.iter().map(|(name, text)| (format!("{prefix}{name}"), text.as_bytes())));
    path
}

fn departures(path: &Path) -> Result<u64, String> {
    run(path, &options("2026-06-01", 2)).map(|i| i.summary.departures).map_err(|e| e.to_string())
}

#[test]
fn a_feed_is_found_at_the_top_of_a_zip_or_in_a_folder_of_it() {
    let folder = tempfile::tempdir().unwrap();
    for prefix in ["", "gtfs/", "export/2026/", "gtfs\\"] {
        assert_eq!(departures(&small_zip(folder.path(), prefix)), Ok(2), "{prefix}");
    }
    let path = folder.path().join("mac.zip");
    let own = SMALL.iter().map(|(name, text)| (format!("Feed/{}", name.to_uppercase()), text.as_bytes()));
    let mac = SMALL.iter().map(|(name, _)| (format!("__MACOSX/._{name}"), b"\x00\x05\x16".as_slice()));
    write_zip(&path, own.chain(mac).chain([("readme.txt".to_owned(), b"hello".as_slice())]));
    assert_eq!(departures(&path), Ok(2));
    let inner = folder.path().join("unpacked");
    fs::rename(small_feed(&[]).keep(), inner.join("gtfs")).unwrap_or_else(|_| {
        fs::create_dir_all(inner.join("gtfs")).unwrap();
        for (name, text) in SMALL {
            fs::write(inner.join("gtfs").join(name), text).unwrap();
        }
    });
    assert_eq!(departures(&inner), Ok(2), "a folder in a folder");
}

#[test]
fn what_is_no_feed_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let two = folder.path().join("two.zip");
    let feeds =
        ["a/", "b/"].iter().flat_map(|p| SMALL.iter().map(move |(n, t)| (format!("{p}{n}"), t.as_bytes())));
    write_zip(&two, feeds);
    let nested = folder.path().join("nested.zip");
    write_zip(&nested, [("google_transit.zip".to_owned(), b"PK".as_slice())]);
    let rows = [
        (folder.path().join("nowhere.zip"), "there is no feed at"),
        (file("page.zip", b"<!DOCTYPE html><html>404</html>"), "looks like a web page"),
        (file("empty.zip", b""), "it is empty"),
        (file("stops.txt", b"stop_id,stop_name\nA,Alpha\n"), "one table of a feed"),
        (file("noise.zip", &[7; 5000]), "is no zip file"),
        (file("feed.tgz", &[0x1f, 0x8b, 8, 0]), "another program"),
        (file("pk.zip", b"PK"), "cut off or damaged"),
        (PathBuf::from("/dev/null"), "neither a file nor a folder"),
        (two, "several feeds in it (\"a\", \"b\")"),
        (nested, "agency.txt is missing or empty; a GTFS feed has it. Found: no .txt file"),
    ];
    for (path, expected) in rows {
        let error = departures(&path).unwrap_err();
        assert!(error.contains(expected), "{}: {error}", path.display());
    }
}

#[test]
fn a_zip_cut_off_anywhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(small_zip(folder.path(), "")).unwrap();
    let cut = folder.path().join("cut.zip");
    for length in (2..whole.len()).step_by(7) {
        fs::write(&cut, &whole[..length]).unwrap();
        let error = departures(&cut).unwrap_err();
        assert!(error.contains("cut off or damaged"), "{length}: {error}");
    }
}

#[test]
fn damage_encryption_and_foreign_methods_inside_a_zip_are_named_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("feed.zip");
    let text =
        "agency_id,agency_name,agency_url,agency_timezone\n".to_owned() + &"X,X,http://x,UTC\n".repeat(99);
    let files = SMALL.iter().skip(1).map(|(name, text)| ((*name).to_owned(), text.as_bytes()));
    write_zip(&path, [("agency.txt".to_owned(), text.as_bytes())].into_iter().chain(files));
    let whole = fs::read(&path).unwrap();
    // The first local header is at 0: flags at 6, method at 8. The first central one: flags at 8, method at 10.
    let central = whole.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    let rows: [(&[(usize, u8)], &str); 3] = [
        (&[(60, 0xff), (61, 0xff), (62, 0xff)], "agency.txt in the zip is damaged"),
        (&[(6, 1), (central + 8, 1)], "agency.txt in the zip is encrypted"),
        (&[(8, 12), (central + 10, 12)], "agency.txt in the zip is packed by a method other than deflate"),
    ];
    for (changes, expected) in rows {
        let mut bytes = whole.clone();
        for (at, value) in changes {
            bytes[*at] = *value;
        }
        fs::write(&path, bytes).unwrap();
        let error = departures(&path).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn bombs_are_refused_before_they_fill_the_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.zip");
    let zeros = vec![b'0'; 80 << 20];
    let mut zip = ZipWriter::new(File::create(&path).unwrap());
    zip.start_file("agency.txt", SimpleFileOptions::default()).unwrap();
    zip.write_all(&zeros).unwrap();
    zip.finish().unwrap();
    let error = departures(&path).unwrap_err();
    assert!(error.contains("agency.txt has a row over 1 MiB"), "{error}");
    let mut source = Source::open(&path, "feed.zip").unwrap();
    let mut opened = source.read("agency.txt").unwrap().unwrap();
    let error = io::copy(&mut opened.reader, &mut io::sink()).unwrap_err();
    assert_eq!(Limit::of(&error), Some(Limit::Ratio));
    drop(opened);
    let names = (0..200).map(|i| (format!("{i:060000}.txt"), b"".as_slice()));
    write_zip(&path, names);
    let error = departures(&path).unwrap_err();
    assert!(error.contains("lists too many files"), "{error}");
}

#[test]
fn a_missing_file_or_column_is_named() {
    for (file, _) in SMALL.iter().take(6) {
        let error = small(&[(file, "")]).unwrap_err();
        assert!(matches!(&error, GtfsError::MissingFile { file: f, .. } if f.starts_with(file)), "{error}");
        let error = small(&[(file, "nonsense\n1\n")]).map(|_| ()).unwrap_err().to_string();
        let expected = match *file {
            "agency.txt" => "agency.txt names no agency_timezone".to_owned(),
            _ => format!("{file} has no column "),
        };
        assert!(error.contains(&expected), "{error}");
    }
    let only_dates =
        [("calendar.txt", ""), ("calendar_dates.txt", "service_id,date,exception_type\nS,20260601,1\n")];
    assert_eq!(small(&only_dates).unwrap().summary.departures, 1);
}

#[test]
fn any_line_ends_marks_and_quotes_are_read_with_true_line_numbers() {
    let good = SMALL[5].1;
    let rows = "T,Z,4,09:00:00,09:00:00\n\n\nT,A,5,never,09:00:00";
    for (end, bom) in [("\n", ""), ("\r\n", "\u{feff}"), ("\r", ""), ("\r\n", "")] {
        let text = format!("{bom}{good}{rows}").replace('\n', end);
        let import = small(&[("stop_times.txt", &text)]).unwrap();
        let lines: Vec<u64> = import.report.rows.iter().map(|r| r.line).collect();
        assert_eq!((import.summary.stop_times, lines), (3, vec![5, 8]), "{end:?} {bom:?}");
    }
    let quoted = "\u{feff}\"stop_id\",\"stop_name\"\r\n\"A\",\"Alpha\r\nsquare\"\r\n\"B\",\"\"\r\n\"C\",\"G\"\r\nA,x\r\n";
    let import = small(&[("stops.txt", quoted)]).unwrap();
    assert_eq!(import.report.rows[0].line, 6);
    let names: Vec<_> = import.catalog.routes[0].stops.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["Alpha square", "B", "G"]);
}

#[test]
fn a_quote_that_is_never_closed_is_named_by_its_line() {
    let stops = "stop_id,stop_name\nA,Alpha\nB,\"Beta\nC,Gamma\n";
    let import = small(&[("stops.txt", stops)]).unwrap();
    let row = import.report.rows.iter().find(|r| r.file == "stops.txt").unwrap();
    assert_eq!((row.file, row.line), ("stops.txt", 3), "{}", row.reason);
    let stops = "stop_id,stop_name\nA,Alpha\nC,Gamma\nB,Beta\n,\"lost\nD,Delta\nE,\"Epsilon\"\n";
    let import = small(&[("stops.txt", stops)]).unwrap();
    let row = &import.report.rows[0];
    assert_eq!((row.file, row.line), ("stops.txt", 5), "{}", row.reason);
    let endless = format!("stop_id,stop_name\nA,Alpha\nB,\"{}", "Beta\n".repeat(300_000));
    let error = small(&[("stops.txt", &endless)]).unwrap_err().to_string();
    assert!(error.contains("stops.txt has a row over 1 MiB after line 2"), "{error}");
}

#[test]
fn utf_16_is_named_as_such() {
    let folder = small_feed(&[]);
    fs::write(folder.path().join("trips.txt"), b"\xff\xfet\0r\0i\0p\0").unwrap();
    let error = departures(folder.path()).unwrap_err();
    assert_eq!(error, "trips.txt is UTF-16 text; GTFS is UTF-8: save it again as UTF-8");
}

#[test]
fn windows_that_make_no_sense_are_refused_with_the_nearest_that_does() {
    let folder = small_feed(&[]);
    let rows = [
        ("2026-06-01", 0, None, "--days 0 is out of range; give 1 to 366"),
        ("2026-06-01", 367, None, "--days 367 is out of range"),
        ("9500-01-01", 1, None, "years 1900 to 9000"),
        // 2026-06-01 is a Monday.
        ("2026-06-01", 1, Some("2026-11-24"), "is a Tuesday, and --from 2026-06-01 a Monday"),
        ("2026-06-01", 1, Some("2026-11-24"), "--start-on 2026-11-23"),
        ("2026-06-01", 1, Some("2026-11-27"), "--start-on 2026-11-30"),
        ("2026-06-01", 1, Some("2026-06-02"), "--start-on 2026-06-01"),
        ("2026-06-01", 1, Some("2020-01-01"), "--start-on 2026-06-01"),
        ("2026-06-01", 1, Some("2026-05-25"), "is before --from 2026-06-01; give a later Monday"),
    ];
    for (from, days, start_on, expected) in rows {
        let mut options = options(from, days);
        options.start_on = start_on.map(|d| d.parse().unwrap());
        let error = run(folder.path(), &options).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// Files, `--fare`, and the fare or the error that they come to.
type FareRow<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>, Result<&'a str, &'a str>);

#[test]
fn fares_come_from_the_feed_else_from_the_operator_in_the_feeds_currency() {
    const HEAD: &str = "fare_id,price,currency_type,payment_method,transfers,agency_id\n";
    let two = format!("{HEAD}F,2.50,EUR,0,,\nG,300,JPY,0,,\n");
    let euro = format!("{HEAD}F,2.50,EUR,0,,\n");
    let both = "fare_id,route_id\nF,OTHER\nG,OTHER\n";
    let other = "route_id,route_short_name\nR,1\nOTHER,2\n";
    let products = "fare_product_id,amount,currency\nP,2.00,KWD\n";
    let rows: &[FareRow<'_>] = &[
        (&[], None, Ok("2.50 EUR")),
        (&[], Some("9"), Ok("2.50 EUR")),
        (&[], Some("9.999"), Err("--fare \"9.999\" has more decimals than the currency (in EUR)")),
        (
            &[("fare_attributes.txt", "")],
            None,
            Err("no fare for route R; give one for all routes without: --fare"),
        ),
        (&[("fare_attributes.txt", "")], Some("3"), Ok("3.00 USD")),
        (&[("fare_attributes.txt", ""), ("fare_products.txt", products)], Some("1.234"), Ok("1.234 KWD")),
        (
            &[
                ("fare_attributes.txt", &euro),
                ("fare_rules.txt", "fare_id,route_id\nF,OTHER\n"),
                ("routes.txt", other),
            ],
            Some("3"),
            Ok("3.00 EUR"),
        ),
        (&[("fare_attributes.txt", &two)], None, Err("route R has fares in EUR and JPY")),
        (
            &[("fare_attributes.txt", &two), ("fare_rules.txt", both), ("routes.txt", other)],
            Some("3"),
            Err("currency of --fare for route R isn't clear"),
        ),
    ];
    for (files, fare, expected) in rows {
        let folder = small_feed(files);
        let mut options = options("2026-06-01", 1);
        options.fare = fare.map(str::to_owned);
        let answer = run(folder.path(), &options)
            .map(|i| {
                format!("{} {}", i.catalog.offerings[0].fare.decimal(), i.catalog.offerings[0].fare.currency)
            })
            .map_err(|e| e.to_string());
        match (answer, expected) {
            (Ok(fare), Ok(expected)) => assert_eq!(fare, *expected, "{files:?}"),
            (Err(error), Err(expected)) => assert!(error.contains(expected), "{error}"),
            (answer, _) => panic!("{answer:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn agencies_time_zones_are_those_of_their_routes() {
    const HEAD: &str = "agency_id,agency_name,agency_url,agency_timezone\n";
    let routes = "route_id,agency_id,route_short_name\nR,E,1\n";
    let rows = [
        ("W,w,u,America/New_York\nE,e,u,Asia/Tokyo\n", Ok("2026-05-31T23:00:00.000Z")),
        ("W,w,u,\nE,e,u,Asia/Tokyo\n", Ok("2026-05-31T23:00:00.000Z")),
        ("W,w,u,asia/tokyo\n", Ok("2026-05-31T23:00:00.000Z")),
        ("E,e,u,Asia/Nowhere\n", Err("agency.txt line 2: there is no time zone \"Asia/Nowhere\"")),
        ("E,e,u,\n", Err("agency.txt names no agency_timezone")),
        ("", Err("agency.txt names no agency_timezone")),
    ];
    for (agencies, expected) in rows {
        let agencies = format!("{HEAD}{agencies}");
        let answer = small(&[("agency.txt", &agencies), ("routes.txt", routes)])
            .map(|i| i.catalog.offerings[0].departs_at.to_string())
            .map_err(|e| e.to_string());
        match (answer, expected) {
            (Ok(departs_at), Ok(expected)) => assert_eq!(departs_at, expected),
            (Err(error), Err(expected)) => assert!(error.contains(expected), "{error}"),
            (answer, _) => panic!("{answer:?} instead of {expected:?}"),
        }
    }
    let astray = format!("{HEAD}W,w,u,America/New_York\nV,e,u,Asia/Tokyo\n");
    let import = small(&[("agency.txt", &astray), ("routes.txt", routes)]).unwrap();
    let files: Vec<_> = import.report.rows.iter().map(|r| (r.file, r.line)).collect();
    assert_eq!(files, [("routes.txt", 2), ("trips.txt", 2)], "no zone, no times");
}

#[test]
fn absurd_frequencies_are_refused_before_they_are_made() {
    let frequencies = "trip_id,start_time,end_time,headway_secs\nT,00:00:00,999:59:59,1\n";
    let error = small(&[("frequencies.txt", frequencies)]).unwrap_err().to_string();
    assert!(error.contains("more than 2000000 departures; give fewer --days"), "{error}");
}

#[test]
fn a_departure_by_frequency_never_takes_the_id_of_a_trip() {
    let trips = "trip_id,route_id,service_id\nT,R,S\nT@10:00:00,R,S\n";
    let times =
        SMALL[5].1.to_owned() + &SMALL[5].1[SMALL[5].1.find("T,A").unwrap()..].replace("T,", "T@10:00:00,");
    let frequencies = "trip_id,start_time,end_time,headway_secs\nT,09:00:00,11:00:00,3600\n";
    let changes =
        [("trips.txt", trips), ("stop_times.txt", times.as_str()), ("frequencies.txt", frequencies)];
    let import = small(&changes).unwrap();
    let ids: Vec<_> = import.catalog.offerings.iter().map(|o| o.external_id.as_deref().unwrap()).collect();
    assert_eq!(ids, ["T@09:00:00", "T@10:00:00"]);
    assert_eq!(import.report.rows[0].reason, "departure \"T@10:00:00\" has the id of a trip in trips.txt");
}
