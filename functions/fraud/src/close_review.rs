//! Closes the review of an order that was canceled.

use chorus_events::table::rows::{self, CloseReviewInput, CloseReviewOutput};
use chorus_kernel::{Action, Decision, Given, Loaded, Read, Refusal, create, replace};

use crate::Review;

/// The row, in code.
#[derive(Debug)]
pub(crate) struct CloseReview;

impl Action for CloseReview {
    type Row = rows::CloseReview;

    fn reads(&self, CloseReviewInput::OrderCanceled(order): &CloseReviewInput) -> Vec<Read> {
        vec![Read::entity::<Review>(&order.order_id)]
    }

    fn decide(
        &self,
        given: &Given<'_, CloseReviewInput>,
        loaded: &Loaded,
    ) -> Result<Decision<CloseReviewOutput>, Refusal> {
        let CloseReviewInput::OrderCanceled(order) = given.input;
        Ok(match loaded.entity::<Review>(&order.order_id)? {
            None => Decision::nothing("none was open, and none will be")
                .with(create(&Review::never(order))),
            Some(review) if review.closed || review.verdict.is_some() => {
                Decision::nothing("it was decided or closed before")
            }
            Some(review) => {
                let closed = Review { pending: None, closed: true, ..review.value.clone() };
                Decision::nothing("there is nothing to decide any more")
                    .with(replace(&review, &closed))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::order::{OrderCanceled, OrderCreated};
    use chorus_kernel::testing::decide;
    use chorus_table::Event;

    fn changes(loaded: &Loaded) -> usize {
        decide(&CloseReview, OrderCanceled::sample(), loaded).unwrap().changes().len()
    }

    #[test]
    fn a_canceled_order_is_not_reviewed_whichever_news_comes_first() {
        let open = Review::of(&OrderCreated::sample());
        assert_eq!(changes(&Loaded::default()), 1);
        assert_eq!(changes(&Loaded::default().with(1, &open)), 1);
        let closed = Review::never(&OrderCanceled::sample());
        assert_eq!(changes(&Loaded::default().with(1, &closed)), 0);
    }
}
