//! Refusals that a broker does not answer without a cause.

use super::World;
use super::network::Response;
use super::tap::{AnswerSeen, END_TXN, api_name};
use super::transport::is_unprotected;
use odradek::{ConnectionId, ErrorCode};

/// What a broker answers to a producer that is not the newest, or whose transaction is not the open one.
const NEED_A_CAUSE: [ErrorCode; 4] = [
    ErrorCode::INVALID_PRODUCER_EPOCH,
    ErrorCode::INVALID_TXN_STATE,
    ErrorCode::INVALID_PRODUCER_ID_MAPPING,
    ErrorCode::PRODUCER_FENCED,
];

impl World {
    /// Complains of a refusal for which nothing outside of the machine is the cause. The machine may take such
    /// an answer well, abort and go on, so that nothing else would tell.
    pub(super) fn ask_for_cause(
        &mut self,
        connection: ConnectionId,
        response: &Response,
        seen: &AnswerSeen,
    ) {
        let produced = seen.batches.iter().map(|(_, code, _)| *code);
        let codes = produced.chain(seen.errors.iter().copied());
        let mut errors = codes.map(ErrorCode);
        let Some(error) = errors.find(|error| NEED_A_CAUSE.contains(error)) else {
            return;
        };
        // Before KIP-890 an abort may ask whether there is anything to be aborted. Of commits the cluster
        // complains.
        let is_question = response.api == END_TXN && is_unprotected(END_TXN, response.version);
        if is_question && error == ErrorCode::INVALID_TXN_STATE {
            return;
        }
        let stream = self.network.live(connection);
        // What comes late on a connection that the machine has given up may be out of date.
        let is_in_use = stream.is_some_and(|stream| !stream.is_closing);
        if is_in_use && !self.has_lost_its_transaction() {
            let api = api_name(response.api);
            self.complain(format!("{api} is answered {error}, without a cause"));
        }
    }

    /// Whether somebody else than the machine ended its transaction: another producer, or the coordinator.
    fn has_lost_its_transaction(&self) -> bool {
        let transactions = self.application.transactions.as_ref();
        transactions.is_some_and(|transactions| {
            transactions.is_taken_over
                || self.cluster.timed_out_transactions() > transactions.timed_out_before
        })
    }
}
