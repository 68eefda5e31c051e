//! Files as users have them, and the rows that come of them.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use arrow_array::cast::AsArray;
use chrono::DateTime;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::source::{Need, Reading};

mod parquet_files;

/// The cells of a row as text.
type Cells = Vec<Option<String>>;

/// A selection of columns; a name that ends in `?` is optional, one that starts with `@` is a time.
fn selection(columns: &[&str], zone: Zone) -> Selection {
    let mut requests = Vec::new();
    for column in columns {
        let (column, reading) = match column.strip_prefix('@') {
            Some(column) => (column, Reading::Time),
            None => (*column, Reading::Text),
        };
        let (column, need) = match column.strip_suffix('?') {
            Some(column) => (column, Need::IfPresent),
            None => (column, Need::Required),
        };
        requests.push(ColumnRequest { name: column.into(), reading, need });
    }
    Selection { zone, ..Selection::new(requests, "event_id", "occurred_at", DateTime::UNIX_EPOCH) }
}

/// Waits for the next batch.
fn next(stream: &mut RowStream) -> Option<Result<RecordBatch, SourceError>> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(stream.next())
}

/// Reads all batches of a pattern.
fn batches(pattern: &Path, columns: &[&str], zone: Zone) -> Result<Vec<RecordBatch>, SourceError> {
    let mut stream = open(pattern.to_str().unwrap(), &selection(columns, zone))?;
    let mut batches = Vec::new();
    while let Some(batch) = next(&mut stream) {
        batches.push(batch?);
    }
    Ok(batches)
}

/// Reads all rows of text columns.
fn rows(pattern: &Path, columns: &[&str]) -> Result<Vec<Cells>, SourceError> {
    let mut rows = Vec::new();
    for batch in batches(pattern, columns, Zone::UTC)? {
        let names: Vec<_> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        let wanted = columns.iter().map(|column| column.trim_matches(['@', '?']).to_owned());
        assert!(
            wanted.filter(|name| names.contains(name)).eq(names.iter().cloned()),
            "columns come as they were asked for"
        );
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().map(AsArray::as_string::<i32>);
            rows.push(cells.map(|cell| cell.iter().nth(row).flatten().map(str::to_owned)).collect());
        }
    }
    Ok(rows)
}

/// Rows from cells; `-` is null.
fn table(rows: &[&[&str]]) -> Vec<Cells> {
    rows.iter().map(|row| row.iter().map(|cell| (*cell != "-").then(|| (*cell).to_owned())).collect()).collect()
}

/// Writes a file and reads it.
fn check(name: &str, content: impl AsRef<[u8]>, columns: &[&str], expected: &[&[&str]]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, &content).unwrap();
    let shown = String::from_utf8_lossy(content.as_ref()).into_owned();
    assert_eq!(rows(&path, columns).unwrap(), table(expected), "{name} {shown:?}");
}

/// Writes a file whose opening or reading must fail with this text.
fn check_error(name: &str, content: impl AsRef<[u8]>, columns: &[&str], trouble: Trouble, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, &content).unwrap();
    let error = rows(&path, columns).unwrap_err();
    let what = error.what.replace(&format!("{}/", folder.path().display()), "");
    assert_eq!((what.as_str(), error.trouble), (expected, trouble));
}

#[test]
fn csv_fields_are_text_and_empty_ones_are_null() {
    let columns = ["event_id", "email"];
    check(
        "a.csv",
        "event_id,email\n1,ada@example.com\n2,\n,\n",
        &columns,
        &[&["1", "ada@example.com"], &["2", "-"], &["-", "-"]],
    );
    check("a.csv", "event_id,email\n", &columns, &[]);
    check("a.csv", "event_id,email", &columns, &[]);
    check("a.csv", "email,other,event_id\na,b,c", &columns, &[&["c", "a"]]);
    check("a.CSV", "Event_Id, EMAIL \n1,a\n", &columns, &[&["1", "a"]]);
    check("a.csv", "EMAIL,email,event_id\nA,a,1\n", &columns, &[&["1", "a"]]);
    check("a.csv", "\u{feff}event_id,email\r\n1,a\r\n2,b\r\n", &columns, &[&["1", "a"], &["2", "b"]]);
    check("a.csv", "event_id,email\n1,\"a, \"\"b\"\"\nc\"\n2,d\n", &columns, &[&["1", "a, \"b\"\nc"], &["2", "d"]]);
    check("a.csv", "event_id,email\n1,José 王 👩‍🚀\n", &columns, &[&["1", "José 王 👩‍🚀"]]);
    check("a.csv", "event_id,email\n\n1, a \n\n", &columns, &[&["1", " a "]]);
    check("a.csv", "event_id,email\n1,\\N\n\\N,x\\N\n", &columns, &[&["1", "-"], &["-", "x\\N"]]);
    check("a.csv", "ÜBER,event_id\nx,1\n", &["event_id", "über"], &[&["1", "x"]]);
}

#[test]
fn a_csv_line_that_cannot_be_read_is_a_row_of_nulls() {
    let columns = ["event_id", "email"];
    let expected: &[&[&str]] = &[&["1", "a"], &["-", "-"], &["3", "c"]];
    check("a.csv", "event_id,email\n1,a\n2\n3,c\n", &columns, expected);
    check("a.csv", "event_id,email\n1,a\n2,b,x\n3,c\n", &columns, expected);
    check("a.csv", b"event_id,email\n1,a\n2,Jos\xe9\n3,c\n", &columns, expected);
    check("a.csv", "event_id,email\n1,a\n\n\n2\n\n3,c\n", &columns, expected);
    check("a.csv", "event_id,email\r\n1,a\r\n2\r\n3,c\r\n", &columns, expected);
    check("a.csv", "event_id,email\r\n1,a\r\n\r\n2,b,x\r\n\r\n3,c", &columns, expected);
    check("a.csv", "event_id,email\r1,a\r2,b,x\r3,c", &columns, expected);
    check("a.csv", b"event_id,email,x\n1,a,\n2,b,\xe9\n", &columns, &[&["1", "a"], &["2", "b"]]);
}

#[test]
fn lines_swallowed_by_a_quote_that_is_not_closed_are_counted() {
    let expected: &[&[&str]] = &[&["1", "a"], &["-", "-"], &["-", "-"], &["-", "-"]];
    check("a.csv", "event_id,email\n1,a\n\"2,b\n3,c\n4,d\n", &["event_id", "email"], expected);
}

#[test]
fn json_values_are_text_as_they_are_written() {
    let cell = |json: &str, expected: &str| {
        check("a.ndjson", format!("{{\"event_id\":\"1\",\"x\":{json}}}\n"), &["event_id", "x"], &[&["1", expected]]);
    };
    cell("\"a\"", "a");
    cell("\"\"", "");
    cell("\"José 王\"", "José 王");
    cell(r#""a\"b\\c\n\u00e9\ud83d\ude00""#, "a\"b\\c\né😀");
    cell("null", "-");
    cell("true", "true");
    cell("false", "false");
    cell("0", "0");
    cell("129.90", "129.90");
    cell("-1e3", "-1e3");
    cell(
        "123456789012345678901234567890.123456789012345678901234567890",
        "123456789012345678901234567890.123456789012345678901234567890",
    );
    cell("[\"a\", [1, {\"b\":2}]]", "[\"a\", [1, {\"b\":2}]]");
    cell("{\"a\":{\"event_id\":9}}", "{\"a\":{\"event_id\":9}}");
}

#[test]
fn json_rows_name_their_own_columns() {
    let columns = ["event_id", "email?"];
    check("a.jsonl", "{\"EMAIL\":\"a\",\"event_id\":1}\n{\"event_id\":2}\n", &columns, &[&["1", "a"], &["2", "-"]]);
    check(
        "a.ndjson",
        "\u{feff}{\"event_id\":1,\"email\":\"a\"}\r\n\r\n  \n {\"event_id\":2} ",
        &columns,
        &[&["1", "a"], &["2", "-"]],
    );
    check(
        "a.ndjson",
        "{\"email\":\"a\",\"x\":{},\"event_id\":1}\n{\"x\":0,\"email\":\"b\",\"event_id\":2}",
        &columns,
        &[&["1", "a"], &["2", "b"]],
    );
    check("a.ndjson", "{\"event_id\":1,\"email\":\"a\",\"email\":null}\n", &columns, &[&["1", "-"]]);
    check("a.ndjson", r#"{"event\u005fid":1,"email":"a"}"#, &columns, &[&["1", "a"]]);
    check("a.ndjson", "", &["event_id"], &[]);
    check("a.ndjson", "\n\n", &["event_id"], &[]);
}

#[test]
fn a_json_line_that_cannot_be_read_is_a_row_of_nulls() {
    let lines = [
        "{",
        "[1]",
        "2",
        "{\"event_id\":2}}",
        "{\"event_id\":2,\"email\":\"\\ud83d\"}",
        "{\"event_id\":2,}",
        "{\"event_id\":\"2}",
    ];
    for line in lines.map(str::as_bytes).into_iter().chain([&b"{\"event_id\":2,\"email\":\"\xe9\"}"[..]]) {
        let content = [b"{\"event_id\":1,\"email\":\"a\"}\n", line, b"\n{\"event_id\":3}\n"].concat();
        check("a.ndjson", content, &["event_id", "email"], &[&["1", "a"], &["-", "-"], &["3", "-"]]);
    }
    let deep = format!("{{\"event_id\":1,\"email\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(one_file("a.ndjson", &deep, &["event_id", "email"]).len(), 1);
}

/// Writes a file and reads its rows.
fn one_file(name: &str, content: &str, columns: &[&str]) -> Vec<Cells> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    rows(&path, columns).unwrap()
}

#[test]
fn a_json_file_without_objects_on_lines_is_an_error() {
    for content in ["[{\"event_id\":1},\n{\"event_id\":2}]", "{\n\"event_id\":1\n}\n", "event_id\n1\n"] {
        let what = "the file a.json holds no JSON object that takes one line";
        check_error("a.json", content, &["event_id"], Trouble::Configuration, what);
    }
}

#[test]
fn long_files_come_in_batches_and_whole() {
    let count = 3 * BATCH_ROWS + 5;
    let (mut csv, mut json) = (String::from("event_id,email\n"), String::new());
    for n in 0..count {
        writeln!(csv, "{n},p{n}@example.com").unwrap();
        writeln!(json, "{{\"event_id\":{n},\"email\":\"p{n}@example.com\"}}").unwrap();
    }
    for (name, content) in [("a.csv", csv), ("a.ndjson", json)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let batches = batches(&path, &["event_id", "email"], Zone::UTC).unwrap();
        assert_eq!(
            batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(),
            [BATCH_ROWS, BATCH_ROWS, BATCH_ROWS, 5]
        );
        let last = batches[3].column(1).as_string::<i32>().value(4).to_owned();
        assert_eq!(last, format!("p{}@example.com", count - 1));
    }
}

#[test]
fn long_cells_make_short_batches() {
    let cell = "x".repeat(3 * 1024 * 1024);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    fs::write(&path, format!("event_id\n{}", format!("{cell}\n").repeat(8))).unwrap();
    let batches = batches(&path, &["event_id"], Zone::UTC).unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [3, 3, 2]);
}

#[test]
fn a_row_without_end_is_an_error() {
    let long = "x".repeat(17 * 1024 * 1024);
    check_error(
        "a.csv",
        format!("event_id\n\"{long}"),
        &["event_id"],
        Trouble::Protocol,
        "the file a.csv cannot be read: a row takes more than 16777216 bytes; is a quote not closed?",
    );
    check_error(
        "a.ndjson",
        format!("{{\"event_id\":1}}\n{{\"event_id\":\"{long}\"}}"),
        &["event_id"],
        Trouble::Protocol,
        "the file a.ndjson cannot be read: line 2 takes more than 16777216 bytes",
    );
}

#[test]
fn compressed_files_are_read_and_a_part_of_one_is_an_error() {
    let compress = |text: &str| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let texts = [("a.csv.gz", "event_id\n1\n", "2\n"), ("a.ndjson.gz", "{\"event_id\":1}\n", "{\"event_id\":2}\n")];
    for (name, first, second) in texts {
        let compressed = compress(&[first, second].concat());
        check(name, &compressed, &["event_id"], &[&["1"], &["2"]]);
        check(name, [compress(first), compress(second)].concat(), &["event_id"], &[&["1"], &["2"]]);
        let what = format!("the file {name} cannot be read: unexpected end of file");
        check_error(name, &compressed[..compressed.len() - 4], &["event_id"], Trouble::Protocol, &what);
        let what = format!("the file {name} cannot be read: invalid input parameter");
        check_error(name, first, &["event_id"], Trouble::Protocol, &what);
    }
}

#[test]
fn files_of_a_pattern_come_in_the_order_of_their_names() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("c.csv")).unwrap();
    fs::write(folder.path().join("b.csv"), "event_id\n3\n").unwrap();
    fs::write(folder.path().join("a.csv"), "email,event_id\nx,1\ny,2\n").unwrap();
    fs::write(folder.path().join(".hidden.csv"), "event_id\n0\n").unwrap();
    fs::write(folder.path().join("d.json"), "{\"event_id\":4}").unwrap();
    let expected = table(&[&["1", "x"], &["2", "y"], &["3", "-"]]);
    assert_eq!(rows(&folder.path().join("*.csv"), &["event_id", "email?"]).unwrap(), expected);
    let expected = table(&[&["1"], &["2"], &["3"], &["4"]]);
    assert_eq!(rows(&folder.path().join("*.*"), &["event_id"]).unwrap(), expected);
    let odd = folder.path().join("[x].csv");
    fs::write(&odd, "event_id\n9\n").unwrap();
    assert_eq!(rows(&odd, &["event_id"]).unwrap(), table(&[&["9"]]));
}

#[test]
fn a_pattern_that_means_no_file_is_an_error_that_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let full = folder.path().canonicalize().unwrap();
    let check = |pattern: &str, expected: &str| {
        let error = rows(&full.join(pattern), &["event_id"]).unwrap_err();
        assert_eq!(error.what.replace(&full.display().to_string(), "/f"), expected);
        assert_eq!(error.trouble, Trouble::Configuration);
    };
    check("*.csv", "no file matches /f/*.csv in the folder /f");
    check("no/a.csv", "no file matches /f/no/a.csv in the folder /f");
    check(
        "a[.csv",
        "the path /f/a[.csv is no valid pattern: invalid range pattern (character 18)"
            .replace("18", &(full.as_os_str().len() + 3).to_string())
            .as_str(),
    );
    fs::write(full.join("a.txt"), "").unwrap();
    check("a.txt", "the format of /f/a.txt is not known");
    fs::write(full.join("a.parquet.gz"), "").unwrap();
    check("a.parquet.gz", "the format of /f/a.parquet.gz is not known");
}

#[test]
fn missing_columns_are_all_named_with_what_is_like_them() {
    check_error(
        "a.csv",
        "id,occured_at,e_mail\n1,2,3\n",
        &["event_id", "occurred_at", "email", "phone", "city?"],
        Trouble::Configuration,
        "columns are missing: event_id (in a.csv), occurred_at (in a.csv; there is occured_at), \
         email (in a.csv; there is e_mail), phone (in a.csv)",
    );
    check_error(
        "a.ndjson",
        "{\"eventId\":1}\n",
        &["event_id"],
        Trouble::Configuration,
        "columns are missing: event_id (in a.ndjson; there is eventId)",
    );
    for header in ["event_id;email\n", "event_id\temail\n", "event_id|email"] {
        let what = "the fields of the file a.csv are not separated by commas";
        check_error("a.csv", header, &["event_id"], Trouble::Configuration, what);
    }
    check_error("a.csv", "", &["event_id"], Trouble::Configuration, "the file a.csv is empty");
}

#[test]
fn a_file_without_header_shows_no_value() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    fs::write(&path, "77,ada@example.com,+15550100\n").unwrap();
    let error = rows(&path, &["event_id", "email"]).unwrap_err();
    let shown = format!("{} {:?}", error.what, error.remedy);
    assert!(!shown.contains("ada") && !shown.contains("555") && !shown.contains("77"), "{shown}");
}

#[test]
fn optional_columns_that_are_in_no_file_are_absent() {
    let check = |name: &str, content: &str, expected: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let stream = open(path.to_str().unwrap(), &selection(&["event_id", "email?", "phone?"], Zone::UTC)).unwrap();
        assert_eq!(stream.absent, expected);
        assert_eq!(stream.total, None);
    };
    check("a.csv", "event_id,Phone\n", &["email"]);
    check("a.csv", "event_id\n", &["email", "phone"]);
    check("a.ndjson", "{\"event_id\":1}\n{\"email\":2}\n", &["phone"]);
    check("a.ndjson", &"{\"event_id\":1}\n".repeat(BATCH_ROWS), &[]);
}

#[test]
fn a_column_that_first_comes_late_is_read() {
    let content = "{\"event_id\":1}\n".repeat(BATCH_ROWS) + "{\"event_id\":2,\"email\":\"a\"}\n";
    let rows = one_file("a.ndjson", &content, &["event_id", "email?"]);
    assert_eq!(rows.last(), table(&[&["2", "a"]]).first());
}

#[test]
fn reading_ends_when_nobody_listens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    fs::write(&path, "event_id\n".to_owned() + &"1\n".repeat(10 * BATCH_ROWS)).unwrap();
    let mut stream = open(path.to_str().unwrap(), &selection(&["event_id"], Zone::UTC)).unwrap();
    assert!(next(&mut stream).is_some());
    drop(stream);
    let plan = Plan { path, format: Format::Csv, places: vec![Some(0)] };
    let shape = Shape { columns: selection(&["event_id"], Zone::UTC).columns, zone: Zone::UTC };
    let mut batches = 0;
    let result = read(&plan, &shape, &mut |_| {
        batches += 1;
        Err(Halt::Unwanted)
    });
    assert!(matches!(result, Err(Halt::Unwanted)));
    assert_eq!(batches, 1);
}
