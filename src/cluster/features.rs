//! The finalized features of the cluster, as the brokers tell them.

use crate::wire::api::api_versions::ApiVersionsResponse;

/// What is known of the finalized features. Brokers learn of a change one after another, so an answer
/// counts only when its epoch is higher than that of every answer before.
#[derive(Debug)]
pub(super) struct Features {
    /// The epoch of the newest answer, -1 before any told one.
    epoch: i64,
    transaction_version: i16,
}

impl Default for Features {
    fn default() -> Self {
        Self {
            epoch: -1,
            transaction_version: 0,
        }
    }
}

impl Features {
    pub(super) const fn take(&mut self, told: &ApiVersionsResponse) {
        if told.finalized_features_epoch > self.epoch {
            self.epoch = told.finalized_features_epoch;
            self.transaction_version = told.transaction_version;
        }
    }

    pub(super) const fn transaction_version(&self) -> i16 {
        self.transaction_version
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Reader;

    /// An answer of version 3 without APIs.
    fn told(epoch: Option<i64>, level: u8) -> ApiVersionsResponse {
        let mut body = vec![0, 0, 1, 0, 0, 0, 0, 1 + u8::from(epoch.is_some())];
        if let Some(epoch) = epoch {
            body.extend_from_slice(&[1, 8]);
            body.extend_from_slice(&epoch.to_be_bytes());
        }
        // The tag and length of the field, one feature, its name, its two levels, no tagged fields.
        body.extend_from_slice(&[2, 26, 2, 20]);
        body.extend_from_slice(b"transaction.version");
        body.extend_from_slice(&[0, level, 0, level, 0]);
        ApiVersionsResponse::decode(Reader::new(&body), 3).unwrap()
    }

    #[test]
    fn the_highest_epoch_wins() {
        let mut features = Features::default();
        assert_eq!(features.transaction_version(), 0);
        for (epoch, level, expected) in [
            (None, 2, 0),
            (Some(4), 1, 1),
            (Some(7), 2, 2),
            (Some(7), 1, 2),
            (Some(6), 1, 2),
            (None, 1, 2),
            (Some(8), 1, 1),
        ] {
            features.take(&told(epoch, level));
            assert_eq!(features.transaction_version(), expected, "{epoch:?}");
        }
    }
}
