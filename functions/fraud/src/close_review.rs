//! Closes the review of an order that was canceled.

use chorus_events::OrderId;
use chorus_events::table::rows::{self, CloseReviewInput, CloseReviewOutput};
use chorus_kernel::{Action, ActionError, Context, Decision, Found, create, replace};

use crate::Review;

#[derive(Debug)]
pub(crate) struct CloseReview;

impl Action for CloseReview {
    type Row = rows::CloseReview;
    type State = Found<Review>;

    fn keys(&self, CloseReviewInput::OrderCanceled(order): &CloseReviewInput) -> OrderId {
        order.order_id.clone()
    }

    fn decide(
        &self,
        CloseReviewInput::OrderCanceled(order): &CloseReviewInput,
        review: &Found<Review>,
        _: &Context<'_>,
    ) -> Result<Decision<CloseReviewOutput>, ActionError> {
        Ok(match review {
            None => Decision::nothing("no review was open, and none will be opened")
                .with(create(&Review::of_canceled(order))),
            Some(review) if review.closed || review.verdict.is_some() => {
                Decision::nothing("the review was decided or closed before")
            }
            Some(review) => {
                let closed = Review { pending: None, closed: true, ..review.value.clone() };
                Decision::nothing("the review is closed: its order was canceled")
                    .with(replace(review, &closed))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::commands::Verdict;
    use chorus_events::order::{OrderCanceled, OrderCreated};
    use chorus_kernel::testing::{Stored, decide};
    use chorus_kernel::{Versioned, Write};
    use chorus_table::Event;

    fn changes(stored: &Stored) -> Vec<Write> {
        let decision = decide(&CloseReview, OrderCanceled::sample(), stored).unwrap();
        assert_eq!(decision.events(), []);
        decision.changes().to_vec()
    }

    #[test]
    fn a_cancellation_that_comes_before_the_order_leaves_a_closed_review() {
        let closed = Review::of_canceled(&OrderCanceled::sample());
        assert!(closed.closed && closed.pending.is_none());
        assert_eq!(changes(&Stored::default()), [create(&closed)]);
    }

    #[test]
    fn an_open_review_is_closed_and_pending_no_more() {
        let open = Review::of(&OrderCreated::sample());
        let closed = Review { pending: None, closed: true, ..open.clone() };
        let read = Versioned { version: 1, value: open };
        assert_eq!(changes(&Stored::default().with(1, &read.value)), [replace(&read, &closed)]);
    }

    #[test]
    fn a_review_that_was_decided_or_closed_stays_as_it_is() {
        let closed = Review::of_canceled(&OrderCanceled::sample());
        let verdict = Some(Verdict::Approve);
        let decided = Review { pending: None, verdict, ..Review::of(&OrderCreated::sample()) };
        for review in [closed, decided] {
            assert_eq!(changes(&Stored::default().with(2, &review)), []);
        }
    }
}
