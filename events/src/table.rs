//! The design table: one row per action. **This is the program**: types, rules, schemas, IAM,
//! `template.yaml`, docs and the local run derive from it, and `chorus design --check` proves that
//! the flow is complete. [`chorus_table::design_table!`] describes the syntax of a row.

use chorus_table::{Callers, Content};

use crate::callers::{ONLY_OPERATORS, ONLY_REVIEWERS, ONLY_STAFF, OWNER_OR_STAFF};
use crate::partners::{
    CARRIER, CATALOGUE, ENTERPRISE_BUS, FRONT_END, MAIL_BREAKER, PAYMENT_BREAKER, PAYMENT_PROVIDER,
};
use crate::settings::{FORMER_HOME, FORMER_REVIEW_UNITS};
use crate::{commands, facts, services};

/// Selects the events of orders that their terms require to be reviewed before they are charged.
const NEEDS_REVIEW: Content = Content::Flag {
    of: "terms",
    name: "needs-review",
    without: &Content::AtLeast { field: "total", units: FORMER_REVIEW_UNITS },
};

/// Selects the events of orders that leave the country, by their terms.
const LEAVES_COUNTRY: Content = Content::Flag {
    of: "terms",
    name: "leaves-country",
    without: &Content::AnythingBut { field: "country", value: FORMER_HOME },
};

/// Selects the events of parcels whose orders are charged when they leave.
const CAPTURE_DUE: Content = Content::OneOf { field: "capture", values: &["due"] };

chorus_table::design_table! {
    /// Accepts an order at the prices that the service has learned.
    CreateOrder: ORDER api [CreateOrder] => [OrderCreated]
        .undone_by(&CancelOrder).within(5).budget(5, 12).callers(OWNER_OR_STAFF).seals();

    /// Cancels an order that has not ended, because a customer asks or a step failed.
    CancelOrder: ORDER api [CancelOrder]
        on [ItemNotAvailable, ErrorItemDescribed, ErrorCustomerDescribed, ErrorDeliveryEstimated,
            OrderDeclined, PaymentFailed, ErrorItemRemoved, ErrorMarkDeliveryAsStarted,
            CaptureFailed, DeliveryWasCanceled]
        => [OrderCanceled]
        .final_step().budget(5, 11).callers(OWNER_OR_STAFF);

    /// Sets aside what an order needs: all of its lines, or none.
    ReserveItem: INVENTORY on [OrderCreated] => [ItemReserved, ItemNotAvailable]
        .undone_by(&UnreserveOrReturnItem).budget(2, 6);

    /// Looks up the names of the reserved items.
    DescribeItem: INVENTORY on [ItemReserved] => [ItemDescribed, ErrorItemDescribed]
        .read_only().budget(2, 1);

    /// Looks up the customer of the order.
    DescribeCustomer: CUSTOMER on [ItemDescribed] => [CustomerDescribed, ErrorCustomerDescribed]
        .read_only().budget(2, 1);

    /// Plans the delivery, and publishes the estimated arrival.
    EstimateDelivery: DELIVERY on [CustomerDescribed]
        => [DeliveryEstimated, ErrorDeliveryEstimated]
        .undone_by(&CancelDelivery).budget(2, 4);

    /// Charges the order, or has the bank hold the amount. If the order's terms require a review,
    /// or the customer's bank a confirmation, starts the state machine that waits for that.
    CollectPayment: PAYMENT on [DeliveryEstimated]
        => [PaymentMade, PaymentAuthorized, PaymentFailed]
        .undone_by(&CancelPayment).starts_machine().queued().gives_up_to(&RefusePayment)
        .guarded_by(&PAYMENT_BREAKER).within(300).budget(4, 5);

    /// Requests a review and stores the task token until the reviewer answers.
    AskReviewer: PAYMENT task_of CollectPayment [DeliveryEstimated] => [ReviewRequested]
        .undone_by(&CancelPayment).outside().budget(3, 9);

    /// Charges an order of high value, once it is approved.
    MakePayment: PAYMENT task_of CollectPayment [DeliveryEstimated]
        => [PaymentMade, PaymentAuthorized, PaymentFailed]
        .undone_by(&CancelPayment).outside().guarded_by(&PAYMENT_BREAKER).within(300)
        .budget(4, 5);

    /// Asks the customer to confirm the payment, and stores the task token until the payment provider
    /// reports the result.
    AskCustomer: PAYMENT task_of CollectPayment [DeliveryEstimated] => [ConfirmationRequired]
        .undone_by(&CancelPayment).outside();

    /// Reads from the payment provider the result of a charge that the customer had to confirm.
    ConcludePayment: PAYMENT task_of CollectPayment [DeliveryEstimated]
        => [PaymentMade, PaymentAuthorized, PaymentFailed]
        .undone_by(&CancelPayment).outside().guarded_by(&PAYMENT_BREAKER).within(300);

    /// Takes a signed notice of the payment provider: completes the waiting task, or reports a dispute,
    /// a refund that failed later, or that the bank no longer holds an amount.
    HearProvider: PAYMENT api [PaymentNotice]
        => [ErrorPaymentDisputed, ErrorPaymentCanceled, CaptureFailed]
        .final_step().outside().callers(Callers::Partner(PAYMENT_PROVIDER));

    /// Fails the payment of an order that nobody reviewed in time, or that could not be charged for
    /// a day.
    RefusePayment: PAYMENT task_of CollectPayment [DeliveryEstimated] => [PaymentFailed]
        .final_step().outside();

    /// Completes the waiting task with the reviewer's decision, or sends its heartbeat.
    HearVerdict: PAYMENT on [OrderApproved, OrderDeclined, ReviewTaken] => []
        .records().outside().budget(3, 9);

    /// Takes the reserved items out of the stock, once the order is paid or its amount held.
    RemoveItem: INVENTORY on [PaymentMade, PaymentAuthorized] => [ItemRemoved, ErrorItemRemoved]
        .undone_by(&UnreserveOrReturnItem).budget(2, 6);

    /// Starts the state machine that hands the parcel to the carrier, waits ten days for its
    /// callback, and cancels the delivery otherwise.
    FulfilDelivery: DELIVERY on [ItemRemoved] => []
        .read_only().starts_machine().budget(2, 4);

    /// Marks the delivery as started, which makes the bus call the carrier; the task waits for the
    /// carrier's callback.
    MarkDeliveryAsStarted: DELIVERY task_of FulfilDelivery [ItemRemoved]
        => [DeliveryMarkedAsStarted, ErrorMarkDeliveryAsStarted]
        .undone_by(&CancelDelivery).budget(3, 12);

    /// Asks the carrier to fetch and deliver the parcel.
    StartDelivery: DELIVERY on [DeliveryMarkedAsStarted] => [DeliveryStarted]
        .undone_by(&RecallDelivery).calls(CARRIER).within(86_400).budget(0, 0);

    /// Gives the carrier the address of a parcel, which the bus's call does not contain. Answers
    /// one request, and its repetitions.
    ShowAddress: DELIVERY api [ShowAddress] => []
        .records().budget(2, 4).callers(Callers::Partner(CARRIER)).opens();

    /// Publishes what the carrier's signed webhook reports, and completes the task that waits for
    /// it.
    RelayLogistics: DELIVERY api [LogisticsUpdate]
        => [DeliveryStarted, Delivered, DeliveryCanceled, ErrorDeliveryWasDelivered]
        .final_step().budget(3, 10).callers(Callers::Partner(CARRIER));

    /// Captures the amount that the bank holds, when the parcel leaves: once the carrier has it or, if
    /// that was not reported, once it was delivered.
    CapturePayment: PAYMENT on [DeliveryStarted, Delivered] => [PaymentMade, CaptureFailed]
        .undone_by(&CancelPayment).outside().queued().guarded_by(&PAYMENT_BREAKER)
        .when(CAPTURE_DUE).within(300).budget(4, 5);

    /// Confirms that the parcel has arrived.
    ConfirmDelivery: DELIVERY on [Delivered]
        => [DeliveryWasDelivered, ErrorDeliveryWasDelivered]
        .final_step().budget(2, 4);

    /// Closes the order.
    CompleteOrder: ORDER on [DeliveryWasDelivered] => [OrderDelivered]
        .final_step().budget(2, 5);

    /// Cancels a delivery because the carrier gave up, sent no callback or could not be reached, or
    /// because the order was canceled; if none is planned yet, stores a tombstone that prevents it.
    CancelDelivery: DELIVERY on [OrderCanceled, DeliveryCanceled] or_dead [DeliveryMarkedAsStarted]
        task_of FulfilDelivery [ItemRemoved]
        => [DeliveryWasCanceled, ErrorDeliveryWasCanceled]
        .final_step().dead_letters_of(&StartDelivery).budget(3, 9);

    /// Asks the carrier to return a parcel it may already have.
    RecallDelivery: DELIVERY on [DeliveryWasCanceled] => []
        .final_step().calls(CARRIER)
        .when(Content::OneOf { field: "canceled-by", values: &["order", "unreachable"] })
        .budget(0, 0);

    /// Returns to the stock what was reserved or removed for a canceled order.
    UnreserveOrReturnItem: INVENTORY on [OrderCanceled]
        => [ItemUnreserved, ItemReturned, ErrorItemUnreserved, ErrorItemReturned]
        .final_step().title("UnreserveItem or ReturnItem").budget(2, 6);

    /// Refunds what was charged for a canceled order, and cancels the intent so that nothing can be
    /// charged later.
    CancelPayment: PAYMENT on [OrderCanceled] => [PaymentCanceled, ErrorPaymentCanceled]
        .final_step().outside().queued().guarded_by(&PAYMENT_BREAKER).budget(4, 5);

    /// Requests a refund again that the payment provider refused; an operator starts it.
    RetryRefund: PAYMENT api [RetryRefund] => [PaymentCanceled, ErrorPaymentCanceled]
        .final_step().outside().guarded_by(&PAYMENT_BREAKER).callers(ONLY_OPERATORS);

    /// Emails the customer when the payment is to be confirmed, and when the order's amount is held, the
    /// order paid, on its way, delivered, or canceled, with the reason.
    SendEmail: NOTIFICATION
        on [ConfirmationRequired, PaymentAuthorized, PaymentMade, DeliveryStarted, OrderCanceled,
            OrderDelivered]
        => [EmailSent, EmailFailed]
        .records().outside().queued().guarded_by(&MAIL_BREAKER).budget(2, 4).opens();

    /// Emails an operator that something could not be undone, that an amount could not be taken, or that
    /// a charge is disputed.
    AlertOperator: NOTIFICATION
        on [ErrorItemUnreserved, ErrorItemReturned, CaptureFailed, ErrorPaymentCanceled,
            ErrorPaymentDisputed, ErrorDeliveryWasDelivered, ErrorDeliveryWasCanceled]
        => [EmailSent, EmailFailed]
        .records().outside().queued().guarded_by(&MAIL_BREAKER);

    /// Emails an operator that a partner does not answer, and that calls to it are suspended.
    ReportOutage: NOTIFICATION on [PartnerUnavailable] => [EmailSent, EmailFailed]
        .records().outside().queued().guarded_by(&MAIL_BREAKER);

    /// Emails an operator that a partner answers again.
    ReportRecovery: NOTIFICATION on [PartnerRecovered] => [EmailSent, EmailFailed]
        .records().outside().queued().guarded_by(&MAIL_BREAKER);

    /// Stores a customer's email address, in a read model of its own.
    LearnContact: NOTIFICATION on [CustomerUpdated, CustomerErased] => []
        .records().folds();

    /// Opens a review of an order whose terms require one, when Payment requests it, and publishes
    /// the decision.
    ReviewOrder: FRAUD api [DecideReview] on [OrderCreated, ReviewRequested]
        => [OrderApproved, OrderDeclined, ReviewTaken]
        .records().within(86_400).when(NEEDS_REVIEW).budget(4, 8).callers(ONLY_REVIEWERS);

    /// Closes the review of an order that was canceled.
    CloseReview: FRAUD on [OrderCanceled] => []
        .records().when(NEEDS_REVIEW);

    /// Prepares the declaration of an order that leaves the country.
    PrepareDeclaration: CUSTOMS on [OrderCreated] => [CustomsDeclared]
        .records().when(LEAVES_COUNTRY);

    /// Counts orders and adds up their totals, by how they ended.
    CountOrder: ANALYTICS on [OrderCreated, OrderCanceled, OrderDelivered] => []
        .records().budget(1, 4);

    /// Stores every event permanently.
    RecordEvent: EVENT_LOG listens_to everything => []
        .records().folds().every("com.").budget(1, 1);

    /// Signs an update about an order's progress for the shop's front end.
    SignUpdate: STOREFRONT
        on [OrderCreated, DeliveryEstimated, ReviewRequested, ConfirmationRequired,
            PaymentAuthorized, PaymentMade, DeliveryStarted, OrderDelivered, OrderCanceled, PaymentCanceled]
        => [OrderUpdated]
        .records().outside().optional().budget(2, 2);

    /// Posts the signed update to the shop's front end.
    SendUpdate: STOREFRONT on [OrderUpdated] => []
        .records().calls(FRONT_END).optional().budget(0, 0);

    /// Publishes how an order ended, with the data that other accounts may have.
    PublishOutcome: ENTERPRISE on [OrderDelivered, OrderCanceled]
        => [ShopOrderDelivered, ShopOrderCanceled]
        .records().outside().optional().budget(1, 1);

    /// Forwards the public events to the enterprise's bus, in another account.
    ForwardOutcome: ENTERPRISE on [ShopOrderDelivered, ShopOrderCanceled] => []
        .records().forwards_to(ENTERPRISE_BUS).optional().budget(0, 0);

    /// Lists an item: price, and stock received.
    PutItem: INVENTORY api [PutItem] => [ItemListed]
        .records().callers(ONLY_STAFF).commands_from(CATALOGUE, ENTERPRISE_BUS);

    /// Adds the pieces that the shop received to an item's stock.
    ReceiveStock: INVENTORY api [ReceiveStock] => []
        .records().callers(ONLY_STAFF);

    /// Stores a customer.
    PutCustomer: CUSTOMER api [PutCustomer] => [CustomerUpdated]
        .records().callers(OWNER_OR_STAFF).seals();

    /// Forgets a customer: destroys the key under which their personal data is encrypted. Refused
    /// while an order of theirs is under way, unless the caller explicitly accepts that.
    ForgetCustomer: ORDER api [ForgetCustomer] => [CustomerForgotten]
        .records().callers(OWNER_OR_STAFF).destroys_keys();

    /// Erases name and address of a customer who was forgotten.
    EraseCustomer: CUSTOMER on [CustomerForgotten] => [CustomerErased]
        .records();

    /// Stores an item's price, in a read model of its own, so that an order's total needs no call.
    LearnPrice: ORDER on [ItemListed] => []
        .records().folds();

    /// Stores the progress of an order's payment and delivery, which the API shows with the order.
    FollowOrder: ORDER
        on [ReviewRequested, ConfirmationRequired, PaymentAuthorized, PaymentMade, PaymentCanceled,
            DeliveryEstimated, DeliveryStarted] => []
        .records().folds().budget(1, 1);

    /// Folds the order's events into the list that customers see.
    ProjectOrder: ORDER on [OrderCreated, OrderCanceled, OrderDelivered] => []
        .records().folds().budget(1, 3);
}
