//! Opens the review of an order of high value, and publishes the reviewer's decision. A decision is
//! accepted only while the payment waits for the review.

use chorus_events::commands::{DecideReview, Verdict};
use chorus_events::fraud::{OrderApproved, OrderDeclined, ReviewTaken};
use chorus_events::payment::ReviewRequested;
use chorus_events::table::rows::{self, ReviewOrderInput, ReviewOrderOutput};
use chorus_events::{OrderId, is_plain_text};
use chorus_kernel::{Action, ActionError, Context, Decision, Found, Versioned, create, replace};

use crate::Review;

/// The longest name of a reviewer, in characters.
const MAX_REVIEWER: usize = 200;

/// The longest reason for a decision, in characters.
pub(crate) const MAX_REASON: usize = 1_000;

#[derive(Debug)]
pub(crate) struct ReviewOrder;

impl Action for ReviewOrder {
    type Row = rows::ReviewOrder;
    type State = Found<Review>;

    fn keys(&self, input: &ReviewOrderInput) -> OrderId {
        match input {
            ReviewOrderInput::OrderCreated(order) => order.order_id.clone(),
            ReviewOrderInput::ReviewRequested(request) => request.order_id.clone(),
            ReviewOrderInput::DecideReview(command) => command.order_id.clone(),
        }
    }

    fn tenant(
        &self,
        given: Option<&str>,
        _: &ReviewOrderInput,
        review: &Found<Review>,
    ) -> Option<String> {
        let reviewed = || review.as_ref().map(|review| review.customer_id.to_string());
        given.map(ToOwned::to_owned).or_else(reviewed)
    }

    fn decide(
        &self,
        input: &ReviewOrderInput,
        review: &Found<Review>,
        context: &Context<'_>,
    ) -> Result<Decision<ReviewOrderOutput>, ActionError> {
        match (input, review) {
            (ReviewOrderInput::OrderCreated(_), Some(known)) if known.awaits_order => {
                let review = known.value.clone().placed_by(context.metadata().actor.as_deref());
                Ok(Decision::nothing("a reviewer will decide").with(replace(known, &review)))
            }
            (ReviewOrderInput::OrderCreated(_), Some(_)) => {
                Ok(Decision::nothing("the review was opened before"))
            }
            (ReviewOrderInput::OrderCreated(order), None) => {
                Ok(open(&Review::of(order).placed_by(context.metadata().actor.as_deref())))
            }
            (ReviewOrderInput::ReviewRequested(request), Some(known)) => Ok(asked(request, known)),
            (ReviewOrderInput::ReviewRequested(request), None) => {
                Ok(open(&Review::asked(request, context.metadata().occurred_at)))
            }
            (ReviewOrderInput::DecideReview(command), review) => {
                check(command)?;
                let missing = || format!("no review is open for order {}", command.order_id);
                decide(review.as_ref().ok_or_else(|| ActionError::NotFound(missing()))?, command)
            }
        }
    }
}

fn open(review: &Review) -> Decision<ReviewOrderOutput> {
    Decision::nothing("a reviewer will decide").with(create(review))
}

fn asked(request: &ReviewRequested, known: &Versioned<Review>) -> Decision<ReviewOrderOutput> {
    if known.handle.is_some() {
        return Decision::nothing("the review was requested before");
    }
    let review = Review { handle: Some(request.handle.clone()), ..known.value.clone() };
    Decision::nothing("the payment waits for the verdict").with(replace(known, &review))
}

/// Processes a reviewer's command. A review is decided once, after the payment has requested it.
/// The command must contain the review's handle, the order must not be canceled, and the reviewer
/// must not be the customer or the person who placed the order.
fn decide(
    review: &Versioned<Review>,
    command: &DecideReview,
) -> Result<Decision<ReviewOrderOutput>, ActionError> {
    let order_id = &review.order_id;
    let refused = |why: &str| Err(ActionError::Conflict(format!("order {order_id} {why}")));
    match (review.verdict, &review.handle) {
        (_, Some(handle)) if *handle != command.handle => {
            Err(ActionError::invalid("/handle", "must be the handle of the review of this order"))
        }
        (Some(verdict), _) if verdict == command.verdict => {
            Ok(Decision::nothing("the review has this verdict already"))
        }
        (Some(_), _) if command.verdict == Verdict::Take => refused("was decided before"),
        (Some(_), _) => refused("was decided the other way before"),
        (None, _) if review.closed => refused("was canceled before: there is nothing to decide"),
        (None, None) => {
            let why = format!("the payment of order {order_id} has not requested a review yet");
            Err(ActionError::NotFound(why))
        }
        (None, Some(_)) if review.awaits_order => {
            let why = format!("it is not known yet who placed order {order_id}");
            Err(ActionError::NotFound(why))
        }
        (None, Some(_)) if review.is_of(&command.reviewer) => {
            refused("is your own, or was placed by you: somebody else has to review it")
        }
        (None, Some(_)) => Ok(record_verdict(review, command)),
    }
}

fn record_verdict(
    review: &Versioned<Review>,
    command: &DecideReview,
) -> Decision<ReviewOrderOutput> {
    let (order_id, reviewer) = (command.order_id.clone(), command.reviewer.clone());
    let by = Some(reviewer.clone());
    let handle = Some(command.handle.clone());
    let decided = Review {
        pending: None,
        verdict: Some(command.verdict),
        reviewer: by.clone(),
        reason: command.reason.clone(),
        ..review.value.clone()
    };
    match command.verdict {
        Verdict::Take => {
            let taken = Review { reviewer: by, ..review.value.clone() };
            let handle = command.handle.clone();
            Decision::emit(ReviewTaken { order_id, reviewer, handle }).with(replace(review, &taken))
        }
        Verdict::Approve => Decision::emit(OrderApproved { order_id, reviewer, handle })
            .with(replace(review, &decided)),
        Verdict::Decline => {
            let unsaid = || "the reviewer declined the order".to_owned();
            let reason = command.reason.clone().unwrap_or_else(unsaid);
            Decision::emit(OrderDeclined { order_id, reviewer, reason, handle })
                .with(replace(review, &decided))
        }
    }
}

fn check(command: &DecideReview) -> Result<(), ActionError> {
    if !is_plain_text(&command.reviewer, MAX_REVIEWER) {
        let rule = format!("must be 1 to {MAX_REVIEWER} characters of plain text");
        return Err(ActionError::invalid("/reviewer", rule));
    }
    if command.reason.as_ref().is_some_and(|reason| !is_plain_text(reason, MAX_REASON)) {
        let rule = format!("must be 1 to {MAX_REASON} characters of plain text");
        return Err(ActionError::invalid("/reason", rule));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::order::OrderCreated;
    use chorus_events::samples;
    use chorus_kernel::Write;
    use chorus_kernel::testing::{Stored, decide, decide_on, message, metadata};
    use chorus_table::Event;

    fn asked_for() -> Review {
        Review { handle: Some(samples::handle()), ..Review::of(&OrderCreated::sample()) }
    }

    fn pending() -> Stored {
        Stored::default().with(1, &asked_for())
    }

    fn decided(verdict: Verdict) -> Stored {
        let review = Review { pending: None, verdict: Some(verdict), ..asked_for() };
        Stored::default().with(2, &review)
    }

    fn verdict(verdict: Verdict) -> DecideReview {
        DecideReview { verdict, ..DecideReview::sample() }
    }

    /// Returns the write that stores the decision of `command` on the sample review.
    fn concluded(command: &DecideReview) -> Write {
        let DecideReview { verdict, reviewer, reason, .. } = command.clone();
        let (verdict, reviewer) = (Some(verdict), Some(reviewer));
        let decided = Review { pending: None, verdict, reviewer, reason, ..asked_for() };
        replace(&Versioned { version: 1, value: asked_for() }, &decided)
    }

    #[test]
    fn an_order_of_high_value_waits_for_a_reviewer() {
        let decision = decide(&ReviewOrder, OrderCreated::sample(), &Stored::default()).unwrap();
        assert_eq!(decision.events(), []);
        let review = Review::of(&OrderCreated::sample());
        assert_eq!(review.pending.as_deref(), Some("yes"));
        assert_eq!(decision.changes(), [create(&review)]);
    }

    #[test]
    fn an_approved_order_may_be_charged_and_is_pending_no_more() {
        let command = verdict(Verdict::Approve);
        let decision = decide(&ReviewOrder, command.clone(), &pending()).unwrap();
        let (order_id, reviewer) = (samples::order_id(), command.reviewer.clone());
        let approved = OrderApproved { order_id, reviewer, handle: Some(samples::handle()) };
        assert_eq!(decision.events(), [approved.into()]);
        assert_eq!(decision.changes(), [concluded(&command)]);
    }

    #[test]
    fn a_declined_order_says_why() {
        let reason = Some("the address is a parcel locker".to_owned());
        let command = DecideReview { reason, ..verdict(Verdict::Decline) };
        let decision = decide(&ReviewOrder, command.clone(), &pending()).unwrap();
        let [ReviewOrderOutput::OrderDeclined(declined)] = decision.events() else {
            panic!("{decision:?}")
        };
        assert_eq!(declined.reason, "the address is a parcel locker");
        assert_eq!(decision.changes(), [concluded(&command)]);
    }

    #[test]
    fn a_duplicate_of_the_order_does_not_open_a_decided_review_again() {
        let stored = decided(Verdict::Decline);
        let decision = decide(&ReviewOrder, OrderCreated::sample(), &stored).unwrap();
        assert_eq!(decision.changes(), []);
    }

    #[test]
    fn the_same_verdict_again_changes_nothing() {
        let stored = decided(Verdict::Approve);
        let decision = decide(&ReviewOrder, verdict(Verdict::Approve), &stored).unwrap();
        assert!(decision.events().is_empty() && decision.changes().is_empty());
    }

    #[test]
    fn the_opposite_verdict_is_a_conflict() {
        let stored = decided(Verdict::Approve);
        let refusal = decide(&ReviewOrder, verdict(Verdict::Decline), &stored).unwrap_err();
        assert!(matches!(refusal, ActionError::Conflict(_)), "{refusal}");
    }

    #[test]
    fn a_verdict_has_to_name_the_handle_and_to_wait_until_it_is_asked_for() {
        let handle = "another".parse().unwrap();
        let strange = DecideReview { handle, ..verdict(Verdict::Approve) };
        let refusal = decide(&ReviewOrder, strange, &pending()).unwrap_err();
        assert!(refusal.to_string().starts_with("/handle must be"), "{refusal}");
        let early = Stored::default().with(1, &Review::of(&OrderCreated::sample()));
        let refusal = decide(&ReviewOrder, verdict(Verdict::Approve), &early).unwrap_err();
        assert!(matches!(refusal, ActionError::NotFound(_)), "{refusal}");
    }

    #[test]
    fn a_review_may_be_requested_before_the_order_is_known() {
        let request = ReviewRequested::sample();
        let decision = decide(&ReviewOrder, request.clone(), &Stored::default()).unwrap();
        assert_eq!(decision.events(), []);
        let review = Review::asked(&request, metadata().occurred_at);
        assert_eq!(
            (review.pending.as_deref(), &review.handle),
            (Some("yes"), &Some(request.handle))
        );
        assert_eq!(decision.changes(), [create(&review)]);
    }

    #[test]
    fn a_review_learns_the_handle_by_which_the_payment_waits_once() {
        let request = ReviewRequested::sample();
        let open = Review::of(&OrderCreated::sample());
        let asked = Review { handle: Some(request.handle.clone()), ..open.clone() };
        let read = Versioned { version: 1, value: open };
        let stored = Stored::default().with(1, &read.value);
        let decision = decide(&ReviewOrder, request.clone(), &stored).unwrap();
        assert_eq!(decision.changes(), [replace(&read, &asked)]);
        let again = decide(&ReviewOrder, request, &Stored::default().with(2, &asked)).unwrap();
        assert_eq!(again.changes(), []);
    }

    #[test]
    fn a_reviewer_at_work_keeps_the_payment_waiting_and_the_review_pending() {
        let command = verdict(Verdict::Take);
        let decision = decide(&ReviewOrder, command.clone(), &pending()).unwrap();
        assert!(matches!(decision.events(), [ReviewOrderOutput::ReviewTaken(_)]));
        let taken = Review { reviewer: Some(command.reviewer), ..asked_for() };
        let read = Versioned { version: 1, value: asked_for() };
        assert_eq!(decision.changes(), [replace(&read, &taken)]);
    }

    #[test]
    fn a_verdict_on_a_canceled_order_comes_too_late() {
        let closed = Review { pending: None, closed: true, ..asked_for() };
        let stored = Stored::default().with(2, &closed);
        let refusal = decide(&ReviewOrder, verdict(Verdict::Approve), &stored).unwrap_err();
        assert!(refusal.to_string().contains("was canceled before"), "{refusal}");
    }

    #[test]
    fn an_order_without_a_review_is_not_found() {
        let refusal = decide(&ReviewOrder, DecideReview::sample(), &Stored::default()).unwrap_err();
        assert!(matches!(refusal, ActionError::NotFound(_)), "{refusal}");
    }

    #[test]
    fn a_verdict_names_its_reviewer() {
        let command = DecideReview { reviewer: " ".to_owned(), ..DecideReview::sample() };
        let refusal = decide(&ReviewOrder, command, &pending()).unwrap_err();
        assert!(refusal.to_string().starts_with("/reviewer must be"), "{refusal}");
    }

    #[test]
    fn nobody_reviews_their_own_order() {
        let reviewer = samples::customer_id().to_string();
        let own = DecideReview { reviewer, ..verdict(Verdict::Approve) };
        let refusal = decide(&ReviewOrder, own, &pending()).unwrap_err();
        assert!(refusal.to_string().contains("is your own"), "{refusal}");
    }

    #[test]
    fn nobody_reviews_an_order_that_they_placed_for_a_customer() {
        let by = |actor: &str| Stored::default().with(1, &asked_for().placed_by(Some(actor)));
        let approved = |reviewer: &str, stored: &Stored| {
            let reviewer = reviewer.to_owned();
            let command = DecideReview { reviewer, ..verdict(Verdict::Approve) };
            decide(&ReviewOrder, command, stored)
        };
        for reviewer in ["eve", "Eve"] {
            let refusal = approved(reviewer, &by("eve")).unwrap_err();
            assert!(refusal.to_string().contains("was placed by you"), "{refusal}");
        }
        assert!(approved("maria", &by("eve")).is_ok());
        assert!(approved("local", &by("local")).is_ok(), "`local` is no person");
    }

    #[test]
    fn whoever_placed_the_order_is_kept_with_its_review() {
        let mut message = message();
        message.metadata.actor = Some("eve".to_owned());
        let opened = |stored: &Stored| {
            let order = OrderCreated::sample();
            decide_on(&ReviewOrder, order, &message, stored).unwrap().changes().to_vec()
        };
        let review = Review::of(&OrderCreated::sample()).placed_by(Some("eve"));
        assert_eq!(opened(&Stored::default()), [create(&review)]);
        let asked = Review::asked(&ReviewRequested::sample(), metadata().occurred_at);
        let stored = Stored::default().with(1, &asked);
        let refusal = decide(&ReviewOrder, verdict(Verdict::Approve), &stored).unwrap_err();
        assert!(matches!(refusal, ActionError::NotFound(_)), "{refusal}");
        assert_eq!(asked.clone().shown().handle, None, "no reviewer is asked for a verdict yet");
        let read = Versioned { version: 1, value: asked.clone() };
        assert_eq!(opened(&stored), [replace(&read, &asked.placed_by(Some("eve")))]);
    }

    #[test]
    fn a_reason_is_plain_text_and_never_endless() {
        for reason in ["x".repeat(MAX_REASON + 1), "a\u{1b}[2Jb".to_owned(), "a\r\nb".to_owned()] {
            let command = DecideReview { reason: Some(reason), ..DecideReview::sample() };
            let refusal = decide(&ReviewOrder, command, &pending()).unwrap_err();
            assert!(refusal.to_string().starts_with("/reason must be"), "{refusal}");
        }
    }
}
