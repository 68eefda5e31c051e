//! Fetching the rows: in order, all of them, or an error.

use super::*;

/// A script with two rows in the answer and four in each of three parts, answered as given.
fn parts(replies: [Vec<Reply>; 3], change: impl FnOnce(&mut Value)) -> impl FnOnce(SocketAddr) -> Script {
    move |address| {
        let list: Vec<_> = (0..3).map(|number| (part_address(address, number), 4)).collect();
        let mut data = result_data(14, 0..2, &list);
        change(&mut data);
        let parts = replies.into_iter().enumerate().map(|(number, replies)| (number, replies.into())).collect();
        Script { rows: [done(&data)].into(), parts, ..Script::default() }
    }
}

#[tokio::test]
async fn rows_come_in_order_and_the_session_is_closed() {
    let server = Server::start(parts([vec![part(2..6)], vec![part(6..10)], vec![part(10..14)]], |_| ())).await;
    let stream = open_with(settings(&server)).await.unwrap();
    assert_eq!((stream.total, stream.absent.as_slice()), (Some(14), &["phone".to_owned()][..]));
    assert_eq!(read(Ok(stream)).await.unwrap(), ids(14));
    let [closed] = server
        .seen("/session")
        .into_iter()
        .filter(|seen| seen.path == "/session")
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    assert_eq!(closed.query["delete"], "true");
    assert_eq!(closed.headers["authorization"], "Snowflake Token=\"session-secret\"");
    for part in server.seen("/parts/") {
        assert_eq!(part.headers["x-amz-server-side-encryption-customer-key"], "HEADERKEY");
        assert!(part.headers.get("authorization").is_none());
    }
}

#[tokio::test]
async fn rows_in_json_are_read_to_the_last() {
    let part = |rows| Reply::Bytes(200, gzip(json_rows(rows).as_bytes()), vec![]);
    let in_json = |data: &mut Value| {
        data["queryResultFormat"] = "json".into();
        data["rowset"] = serde_json::from_str(&format!("[{}]", json_rows(0..2))).unwrap();
    };
    let torn = Reply::Bytes(200, gzip(json_rows(6..10).as_bytes())[..30].to_vec(), vec![]);
    let replies = [vec![part(2..6)], vec![torn, part(6..10)], vec![part(10..14)]];
    let server = Server::start(parts(replies, in_json)).await;
    assert_eq!(rows_of(&server).await.unwrap(), ids(14));

    let replies = [vec![part(2..6)], vec![part(6..10)], vec![]];
    let server = Server::start(parts(replies, |data| {
        in_json(data);
        data["chunks"].as_array_mut().unwrap().pop();
    }))
    .await;
    check_error(&server, rows_of(&server).await, Trouble::Temporary, "announced 14 rows and gave 10");
}

#[tokio::test]
async fn fm_17_a_part_that_fails_is_fetched_again() {
    let whole = gzip(&arrow(6..10));
    let cut_gzip = Reply::Bytes(200, whole[..whole.len() / 2].to_vec(), vec![]);
    let plain = arrow(6..10);
    // The cut falls between the two batches of the part, where an Arrow stream may just as well end.
    let one_batch = arrow_of(std::iter::once(6..8));
    let short = Reply::Bytes(200, one_batch, vec![]);
    for fault in [unavailable(), Reply::Reset, cut_gzip, short, Reply::Bytes(200, plain[..40].to_vec(), vec![])] {
        let replies = [vec![part(2..6)], vec![fault, part(6..10)], vec![part(10..14)]];
        let server = Server::start(parts(replies, |_| ())).await;
        assert_eq!(rows_of(&server).await.unwrap(), ids(14));
        assert_eq!(server.seen("/parts/1").len(), 2);
    }
}

#[tokio::test]
async fn fm_17_an_expired_part_ends_the_run_and_not_in_silence() {
    let expired = Reply::Bytes(403, b"<Error><Code>AccessDenied</Code></Error>".to_vec(), vec![]);
    let server = Server::start(parts([vec![part(2..6)], vec![expired], vec![part(10..14)]], |_| ())).await;
    check_error(&server, rows_of(&server).await, Trouble::Temporary, "no longer there to download");
    assert_eq!(server.seen("/session").iter().filter(|seen| seen.path == "/session").count(), 1);
}

#[tokio::test]
async fn fm_17_too_few_or_too_many_rows_fail_the_run() {
    let server = Server::start(rows([result(3, 0..2, &[])])).await;
    check_error(&server, rows_of(&server).await, Trouble::Temporary, "Snowflake announced 3 rows and gave 2");
    let server = Server::start(rows([result(1, 0..2, &[])])).await;
    check_error(&server, rows_of(&server).await, Trouble::Temporary, "Snowflake announced 1 rows and gave 2");
    let replies = [vec![part(2..6)], vec![part(6..9), part(6..9), part(6..9)], vec![part(10..14)]];
    let server = Server::start(parts(replies, |_| ())).await;
    check_error(&server, rows_of(&server).await, Trouble::Temporary, "announced 4 rows and gave 3");
}

#[tokio::test]
async fn parts_may_be_compressed_without_saying_so_or_not_at_all() {
    let replies = [
        vec![Reply::Bytes(200, gzip(&arrow(2..6)), vec![])],
        vec![Reply::Bytes(200, arrow(6..10), vec![])],
        vec![part(10..14)],
    ];
    let server = Server::start(parts(replies, |_| ())).await;
    assert_eq!(rows_of(&server).await.unwrap(), ids(14));
}

#[tokio::test]
async fn parts_without_headers_are_fetched_with_the_master_key() {
    let replies = [vec![part(2..6)], vec![part(6..10)], vec![part(10..14)]];
    let without = |data: &mut Value| drop(data.as_object_mut().unwrap().remove("chunkHeaders"));
    let server = Server::start(parts(replies, without)).await;
    assert_eq!(rows_of(&server).await.unwrap(), ids(14));
    for part in server.seen("/parts/") {
        assert_eq!(part.headers["x-amz-server-side-encryption-customer-key"], "MASTERKEY");
        assert_eq!(part.headers["x-amz-server-side-encryption-customer-algorithm"], "AES256");
    }
}

#[tokio::test]
async fn fm_19_few_parts_are_fetched_before_they_are_read() {
    let server = Server::start(|address| {
        let list: Vec<_> = (0..40).map(|number| (part_address(address, number), 1)).collect();
        let parts = (0..40).map(|number| (number, [part(number..number + 1)].into())).collect();
        Script { rows: [result(40, 0..0, &list)].into(), parts, ..Script::default() }
    })
    .await;
    let mut stream = open_with(settings(&server)).await.unwrap();
    for _ in 0..5 {
        stream.next().await.unwrap().unwrap();
    }
    // Five were read; two wait to be read, one to be handed on, and three are ahead.
    assert!(server.seen("/parts/").len() <= 11, "{}", server.seen("/parts/").len());
    assert_eq!(read(Ok(stream)).await.unwrap().len(), 35);
}

#[tokio::test]
async fn dropping_the_stream_closes_the_session() {
    let server = Server::start(parts([vec![part(2..6)], vec![Reply::Hang], vec![part(10..14)]], |_| ())).await;
    let (gone, mut closed) = mpsc::channel(1);
    let surroundings = Surroundings { farewell: Some(gone), ..surroundings() };
    let mut stream = open(settings(&server), selection(), surroundings).await.unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    assert_eq!(closed.recv().await, None);
    assert_eq!(server.seen("/session").last().unwrap().path, "/session");
}
