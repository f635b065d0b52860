//! The wire room against Kafka's own message schemas, read from the jar of its client.

mod codec;
#[path = "../../../conformance/dice.rs"]
mod dice;
mod generate;
mod requests;
mod responses;
mod schema;
mod transaction_requests;
mod transaction_responses;
mod value;

use std::sync::OnceLock;

use odradek::wire::ApiKey;
use odradek_tests_interop::archive::ClientJar;
use odradek_tests_interop::jars::Release;

use crate::codec::Layout;
use crate::schema::Message;

/// How many generated messages each version of each API gets.
const CASES: usize = 60;

/// The schemas of what we speak.
struct Schemas {
    request_header: Message,
    response_header: Message,
    /// Request and response, in the order of [`ApiKey::ALL`].
    apis: Vec<(Message, Message)>,
}

impl Schemas {
    /// The schemas, read once, or nothing where they cannot be read; then says that `test` did not run.
    fn load(test: &str) -> Option<&'static Self> {
        static SCHEMAS: OnceLock<Schemas> = OnceLock::new();
        let release = Release::V4_3_0;
        ClientJar::Library
            .is_readable(release, test)
            .then(|| SCHEMAS.get_or_init(|| Self::read(release)))
    }

    fn read(release: Release) -> Self {
        let mut names = vec!["RequestHeader".to_owned(), "ResponseHeader".to_owned()];
        for key in ApiKey::ALL {
            names.extend(["Request", "Response"].map(|kind| format!("{key}{kind}")));
        }
        let paths: Vec<String> = names
            .iter()
            .map(|name| format!("common/message/{name}.json"))
            .collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let files = ClientJar::Library.read(release, &paths);
        let mut messages = files.iter().zip(&names).map(|(file, name)| {
            let message = Message::parse(std::str::from_utf8(file).expect("schemas are text"));
            assert_eq!(message.name, *name);
            message
        });
        let mut next = || messages.next().expect("every file was read");
        Self {
            request_header: next(),
            response_header: next(),
            apis: ApiKey::ALL.iter().map(|_| (next(), next())).collect(),
        }
    }

    fn api(&self, key: ApiKey) -> &(Message, Message) {
        let index = ApiKey::ALL.iter().position(|other| *other == key);
        &self.apis[index.expect("it is one of ours")]
    }

    /// Flexible versions have tagged fields in the header too.
    fn request_header_layout(&self, key: ApiKey, version: i16) -> Layout {
        let (request, _) = self.api(key);
        let header = 1 + i16::from(request.flexible.contains(version));
        assert!(self.request_header.valid.contains(header));
        Layout::new(header, self.request_header.flexible)
    }

    /// That of ApiVersions never has them: its reader does not know yet what the broker speaks (KIP-511).
    fn response_header_layout(&self, key: ApiKey, version: i16) -> Layout {
        let (_, response) = self.api(key);
        let is_flexible = response.flexible.contains(version) && key != ApiKey::ApiVersions;
        let header = i16::from(is_flexible);
        assert!(self.response_header.valid.contains(header));
        Layout::new(header, self.response_header.flexible)
    }
}

/// All versions of `key` that we speak.
fn versions(key: ApiKey) -> std::ops::RangeInclusive<i16> {
    let range = key.supported_with_two_phase_commit();
    range.min..=range.max
}

#[test]
fn versions_and_encodings_are_those_of_the_schemas() {
    let test = "versions_and_encodings_are_those_of_the_schemas";
    let Some(schemas) = Schemas::load(test) else {
        return;
    };
    for key in ApiKey::ALL {
        let (request, response) = schemas.api(key);
        assert_eq!(request.api_key, Some(key.code()), "{key}");
        assert_eq!(response.api_key, Some(key.code()), "{key}");
        assert_eq!(request.valid, response.valid, "{key}");
        for version in versions(key) {
            assert!(request.valid.contains(version), "{key} v{version}");
            for message in [request, response] {
                let is_flexible = message.flexible.contains(version);
                assert_eq!(key.is_flexible(version), is_flexible, "{key} v{version}");
            }
        }
        // What every broker of this release offers can be agreed on, but for the versions that brokers
        // keep for each other.
        let highest = if key == ApiKey::AddPartitionsToTxn {
            3
        } else {
            request.highest_stable()
        };
        assert_eq!(key.supported().max, highest, "{key}");
    }
}
