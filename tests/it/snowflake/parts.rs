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
    // Its first bytes, taken for a length, would be 1.8 GB.
    let page = Reply::Bytes(200, b"<html>Sign in to the network</html>".to_vec(), vec![]);
    for fault in [unavailable(), Reply::Reset, cut_gzip, short, Reply::Bytes(200, plain[..40].to_vec(), vec![]), page] {
        let replies = [vec![part(2..6)], vec![fault, part(6..10)], vec![part(10..14)]];
        let server = Server::start(parts(replies, |_| ())).await;
        assert_eq!(rows_of(&server).await.unwrap(), ids(14));
        assert_eq!(server.seen("/parts/1").len(), 2);
    }
}

/// An address that is no longer valid.
fn expired() -> Reply {
    Reply::Bytes(403, b"<Error><Code>AccessDenied</Code></Error>".to_vec(), vec![])
}

/// The result of `parts` once more, with other addresses for the parts; `change` makes another result of it.
fn again(address: SocketAddr, change: impl FnOnce(&mut Value)) -> Reply {
    let list: Vec<_> = (0..3).map(|number| (part_address(address, number + 10), 4)).collect();
    let mut data = result_data(14, 0..2, &list);
    data["chunkHeaders"] = json!({ "x-amz-server-side-encryption-customer-key": "FRESHKEY" });
    change(&mut data);
    done(&data)
}

/// A script of `parts` whose later addresses are answered so when the result is asked for again.
fn renewed(
    replies: [Vec<Reply>; 3],
    polls: impl FnOnce(SocketAddr) -> Vec<Reply>,
    fresh: [Vec<Reply>; 3],
) -> impl FnOnce(SocketAddr) -> Script {
    move |address| {
        let mut script = parts(replies, |data| data["queryId"] = "01bc-0a".into())(address);
        script.polls = polls(address).into();
        script.parts.extend(fresh.into_iter().enumerate().map(|(number, replies)| (number + 10, replies.into())));
        script
    }
}

#[tokio::test]
async fn fm_17_an_expired_address_is_exchanged_for_a_fresh_one_and_no_row_comes_twice() {
    // Half of the second part had been handed on when its bytes tore and its address expired.
    let torn = {
        let whole = arrow(6..10);
        Reply::Bytes(200, whole[..whole.len() - 200].to_vec(), vec![])
    };
    for second in [vec![expired()], vec![torn, expired()], vec![Reply::Bytes(400, b"ExpiredToken".to_vec(), vec![])]] {
        let replies = [vec![part(2..6)], second, vec![part(10..14)]];
        let fresh = [vec![], vec![part(6..10)], vec![part(10..14)]];
        let server = Server::start(renewed(replies, |address| vec![again(address, |_| ())], fresh)).await;
        assert_eq!(rows_of(&server).await.unwrap(), ids(14));
        let [asked] = server.seen("/queries/01bc-0a/result").try_into().unwrap();
        assert_eq!(asked.headers["authorization"], "Snowflake Token=\"session-secret\"");
        assert_eq!(server.statements().len(), 1, "the query is not run again");
        for part in server.seen("/parts/1") {
            let key = if part.path == "/parts/1" { "HEADERKEY" } else { "FRESHKEY" };
            assert_eq!(part.headers["x-amz-server-side-encryption-customer-key"], key, "{}", part.path);
        }
    }
}

#[tokio::test]
async fn fm_17_an_expired_address_is_exchanged_in_a_new_session_when_the_old_one_is_lost() {
    for (lost, logins) in [("390112", 1), ("390112", 2), ("390111", 2), ("390114", 2)] {
        let replies = [vec![part(2..6)], vec![expired()], vec![part(10..14)]];
        let polls = |address| vec![refused(lost, "Lost."), again(address, |_| ())];
        let server = Server::start(|address| {
            let fresh = [vec![], vec![part(6..10)], vec![part(10..14)]];
            let mut script = renewed(replies, polls, fresh)(address);
            if logins == 1 {
                script.renewals = [renewal()].into();
            }
            script
        })
        .await;
        assert_eq!(rows_of(&server).await.unwrap(), ids(14), "{lost}");
        assert_eq!(server.seen("/session/v1/login-request").len(), logins, "{lost}");
        assert_eq!(server.statements().len(), 1, "the query is not run again");
        assert_eq!(server.seen("/queries/01bc-0a/result").len(), 2);
    }
}

#[tokio::test]
async fn fm_17_addresses_that_stay_expired_end_the_run_and_not_in_silence() {
    let words = "no longer there to download";
    let whole = || [vec![part(2..6)], vec![expired()], vec![part(10..14)]];
    let fresh = || [vec![], vec![part(6..10)], vec![part(10..14)]];

    // Without a query id there is nothing to ask for.
    let server = Server::start(parts(whole(), |_| ())).await;
    check_error(&server, rows_of(&server).await, Trouble::Temporary, words);
    assert_eq!(server.seen("/session").iter().filter(|seen| seen.path == "/session").count(), 1);

    // The result is gone, or another one.
    let gone = |_| vec![refused("000709", "Statement 01bc-0a not found")];
    let server = Server::start(renewed(whole(), gone, fresh())).await;
    check_error(&server, rows_of(&server).await, Trouble::Temporary, words);
    let changes: [fn(&mut Value); 4] = [
        |data| data["total"] = 15.into(),
        |data| data["chunks"][2]["rowCount"] = 5.into(),
        |data| drop(data["chunks"].as_array_mut().map(Vec::pop)),
        |data| data["queryResultFormat"] = "json".into(),
    ];
    for change in changes {
        let server = Server::start(renewed(whole(), |address| vec![again(address, change)], fresh())).await;
        check_error(&server, rows_of(&server).await, Trouble::Temporary, words);
        assert_eq!(server.seen("/parts/1").iter().filter(|seen| seen.path != "/parts/1").count(), 0);
    }

    // Fresh addresses are refused as well.
    let often = |address| (0..10).map(|_| again(address, |_| ())).collect();
    let refusing = [vec![], vec![expired(); 10], vec![part(10..14); 10]];
    let server = Server::start(renewed(whole(), often, refusing)).await;
    check_error(&server, rows_of(&server).await, Trouble::Temporary, words);
    assert_eq!(server.seen("/queries/01bc-0a/result").len(), 3);
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
