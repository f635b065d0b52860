//! One file per API, the client's side of it: requests are encoded, responses are decoded.

pub mod api_versions;
pub mod init_producer_id;
pub mod metadata;
pub mod produce;
