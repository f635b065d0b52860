//! `produce --record` and `replay`.

use crate::tool::{Ended, TemporaryFile, broker, command, end, produce, read};
use crate::transaction_cases::CASES;

async fn replay(arguments: &[&str]) -> Ended {
    let arguments = [&["replay"], arguments].concat();
    end(command(&arguments).spawn().expect("the binary starts"), b"").await
}

const INPUT: &[u8] = b"anna:first secret\nbert:second secret\nno key\ncarl:third secret\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_recorded_and_replayed_with_a_timeline() {
    let broker = broker(3).await;
    for backend in ["native", "component"] {
        // Something longer is there already.
        let file = TemporaryFile::new(backend, &[b'x'; 100_000]);
        let arguments = ["-t", "t", "-K", ":", "--record", file.path()];
        let with_backend = [&arguments[..], &["--backend", backend]].concat();
        let fixed = ["produce", "-b", &broker.bootstrap_servers()];
        let mut run = command(&[&fixed[..], &with_backend].concat());
        let ended = end(run.spawn().expect("the binary starts"), INPUT).await;
        assert_eq!(ended.last_line(), "delivered=4 failed=0 possibly=0");
        assert!(file.content().starts_with(b"ODRADEK\x01"));

        let ended = replay(&[file.path(), "--trace"]).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let last = ended.last_line();
        assert!(
            last.ends_with("every output is identical, natively and in the component"),
            "{last}"
        );
        assert!(last.contains("4 records"), "{last}");
        for part in [
            "topic 0 is t",
            "connection 0: ApiVersions v",
            "Produce v",
            "epoch 0 sequence 0 to ",
            "written from offset ",
            "(tickets ",
        ] {
            assert!(ended.stdout.contains(part), "no {part}:\n{}", ended.stdout);
        }
        let silent = replay(&[file.path()]).await;
        assert_eq!((silent.code, &*silent.stdout), (Some(0), ""));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_are_recorded_and_replayed_with_what_coordinators_said() {
    let name = "a transaction that had to be aborted is sent again as a whole";
    let case = CASES.iter().find(|case| case.name == name);
    let case = case.expect("the case");
    for version in [1, 2] {
        let broker = broker(1).await;
        case.prepare(&broker, version);
        let file = TemporaryFile::new("transactions", b"");
        let more = ["-t", "t", "--record", file.path()];
        let arguments = [case.arguments(), more.to_vec()].concat();
        let ended = produce(&broker.bootstrap_servers(), &arguments, &case.input()).await;
        case.judge(&broker, ended.code, (&ended.stdout, &ended.stderr, ""));

        let ended = replay(&[file.path(), "--trace"]).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let last = ended.last_line();
        assert!(last.contains("natively and in the component"), "{last}");
        let parts = [
            "of the transaction a",
            "abort, transactional.id a, producer id ",
            "commit, transactional.id a, producer id ",
            "transaction.version ",
        ];
        let registers = ended.stdout.contains("epoch 0, t-0");
        assert_eq!(registers, version == 1, "{}", ended.stdout);
        for part in parts {
            assert!(ended.stdout.contains(part), "no {part}:\n{}", ended.stdout);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_masked_recording_has_no_payloads_and_every_key_in_its_partition() {
    let broker = broker(7).await;
    let servers = broker.bootstrap_servers();
    let (masked, whole) = (
        TemporaryFile::new("masked", b""),
        TemporaryFile::new("whole", b""),
    );
    let arguments = ["-t", "t", "-K", ":", "-H", "from=secret", "--record"];
    let with_mask = [&arguments[..], &[masked.path(), "--mask-payloads"]].concat();
    let ended = produce(&servers, &with_mask, INPUT).await;
    assert_eq!(ended.last_line(), "delivered=4 failed=0 possibly=0");
    let without = [&arguments[..], &[whole.path()]].concat();
    let ended = produce(&servers, &without, INPUT).await;
    assert_eq!(ended.last_line(), "delivered=4 failed=0 possibly=0");

    let keyed = read(&broker, "t", 8).await;
    for key in ["anna", "bert", "carl"] {
        let same = |record: &&krafka::consumer::ConsumerRecord| {
            record.key.as_deref() == Some(key.as_bytes())
        };
        let partitions: Vec<_> = keyed.iter().filter(same).map(|it| it.partition).collect();
        assert_eq!(partitions.len(), 2);
        assert_eq!(partitions[0], partitions[1], "{key}");
    }
    for (file, is_masked) in [(masked, true), (whole, false)] {
        let content = file.content();
        let contains = |word: &[u8]| content.windows(word.len()).any(|window| window == word);
        assert!(contains(b"from"));
        for word in ["secret", "anna", "no key"] {
            assert_eq!(contains(word.as_bytes()), !is_masked, "{word}");
        }
        let ended = replay(&[file.path()]).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compressed_payloads_cannot_be_masked() {
    let file = TemporaryFile::new("compressed", b"as it was");
    let arguments = ["-t", "t", "--record", file.path(), "--mask-payloads"];
    let arguments = [&arguments[..], &["-X", "compression.type=lz4"]].concat();
    let ended = produce("127.0.0.1:1", &arguments, b"").await;
    assert_eq!(ended.code, Some(2));
    assert!(
        ended
            .stderr
            .contains("payloads can be masked with compression.type=none only, and it is lz4"),
        "{}",
        ended.stderr
    );
    assert_eq!(file.content(), b"as it was");
    let alone = produce("127.0.0.1:1", &["-t", "t", "--mask-payloads"], b"").await;
    assert_eq!(alone.code, Some(2));
    assert!(alone.stderr.contains("--record"), "{}", alone.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_recording_is_replayed_as_far_as_it_goes() {
    let broker = broker(1).await;
    let file = TemporaryFile::new("damaged", b"");
    // More than the buffer holds, so that the last records are handed over long after the first answer.
    let input: String = (0..12_000).map(|n| format!("{n:0>100}\n")).collect();
    let small = "buffer.memory=400000";
    let arguments = ["-t", "t", "-X", small, "--record", file.path()];
    let servers = broker.bootstrap_servers();
    let ended = produce(&servers, &arguments, input.as_bytes()).await;
    assert_eq!(ended.last_line(), "delivered=12000 failed=0 possibly=0");
    let whole = file.content();
    assert!(whole.len() > 1_200_000, "{}", whole.len());

    let cut = TemporaryFile::new("cut", &whole[..whole.len() - 1000]);
    let ended = replay(&[cut.path()]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("every output identical until then"));
    assert!(
        ended.last_line().contains("the recording was cut"),
        "{}",
        ended.stderr
    );

    let mut corrupt = whole.clone();
    corrupt[whole.len() - 200_000] ^= 1;
    let corrupt = TemporaryFile::new("corrupt", &corrupt);
    let ended = replay(&[corrupt.path(), "--trace"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains("ApiVersions"), "{}", ended.stdout);
    assert!(
        ended
            .last_line()
            .contains("is corrupt in the block that begins at byte"),
        "{}",
        ended.stderr
    );

    let other = TemporaryFile::new("other", b"0\n1\n2\n");
    let ended = replay(&[other.path()]).await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.last_line().ends_with("this is no recording"));
    let ended = replay(&["/nonexistent/session.odr"]).await;
    assert_eq!(ended.code, Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_overwrites_no_input_and_no_other_output() {
    let input = TemporaryFile::new("input", b"value\n");
    let arguments = ["-t", "t", "--record", input.path(), input.path()];
    let ended = produce("127.0.0.1:1", &arguments, b"").await;
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("would be overwritten"),
        "{}",
        ended.stderr
    );
    assert_eq!(input.content(), b"value\n");
    let out = TemporaryFile::new("both", b"");
    let arguments = ["-t", "t", "--record", out.path(), "--failed", out.path()];
    let ended = produce("127.0.0.1:1", &arguments, b"").await;
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("two kinds of output"),
        "{}",
        ended.stderr
    );
}
