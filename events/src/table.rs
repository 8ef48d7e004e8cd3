//! The design table: one row per action. **The table is the program**: types, rules, schemas, IAM,
//! `template.yaml`, docs and the local run derive from it, and `chorus design --check` proves that
//! the flow is complete. [`chorus_table::design_table!`] describes the syntax of a row.

use chorus_table::{Callers, Content};

use crate::callers::{ONLY_OPERATORS, ONLY_REVIEWERS, ONLY_STAFF, OWNER_OR_STAFF};
use crate::partners::{
    CARRIER, CATALOGUE, ENTERPRISE_BUS, FRONT_END, MAIL_BREAKER, PAYMENT_BREAKER, PAYMENT_PROVIDER,
};
use crate::settings::{FORMER_HOME, FORMER_REVIEW_UNITS};
use crate::{commands, facts, services};

/// Selects the events of orders whose terms require a review before the charge. If an event has no
/// terms, the order's total decides.
const NEEDS_REVIEW: Content = Content::Flag {
    of: "terms",
    name: "needs-review",
    without: &Content::AtLeast { field: "total", units: FORMER_REVIEW_UNITS },
};

/// Selects the events of orders whose terms say that the parcel leaves the home country. If an
/// event has no terms, the order's country decides.
const LEAVES_COUNTRY: Content = Content::Flag {
    of: "terms",
    name: "leaves-country",
    without: &Content::AnythingBut { field: "country", value: FORMER_HOME },
};

/// Selects the events of parcels whose order is charged when the parcel leaves.
const CAPTURE_DUE: Content = Content::OneOf { field: "capture", values: &["due"] };

chorus_table::design_table! {
    /// Accepts an order at the prices that the Order service has stored from `ItemListed` events.
    CreateOrder: ORDER api [CreateOrder] => [OrderCreated]
        .undone_by(&CancelOrder).within(5).budget(5, 12).callers(OWNER_OR_STAFF).seals();

    /// Cancels an order that has not ended, because a customer asks or a step failed.
    CancelOrder: ORDER api [CancelOrder]
        on [ItemNotAvailable, ErrorItemDescribed, ErrorCustomerDescribed, ErrorDeliveryEstimated,
            OrderDeclined, PaymentFailed, ErrorItemRemoved, ErrorMarkDeliveryAsStarted,
            CaptureFailed, DeliveryWasCanceled]
        => [OrderCanceled]
        .final_step().budget(5, 11).callers(OWNER_OR_STAFF);

    /// Reserves all lines of an order, or none.
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

    /// Charges the order, or asks the bank to hold the amount. If the order's terms require a
    /// review, or the customer's bank requires a confirmation, starts the state machine that waits
    /// for the reviewer or the customer.
    CollectPayment: PAYMENT on [DeliveryEstimated]
        => [PaymentMade, PaymentAuthorized, PaymentFailed]
        .undone_by(&CancelPayment).starts_machine().queued().gives_up_to(&RefusePayment)
        .guarded_by(&PAYMENT_BREAKER).within(300).budget(4, 5);

    /// Requests a review, and stores the state machine's task token until the reviewer decides.
    AskReviewer: PAYMENT task_of CollectPayment [DeliveryEstimated] => [ReviewRequested]
        .undone_by(&CancelPayment).outside().budget(3, 9);

    /// Charges an order of high value, after a reviewer has approved it.
    MakePayment: PAYMENT task_of CollectPayment [DeliveryEstimated]
        => [PaymentMade, PaymentAuthorized, PaymentFailed]
        .undone_by(&CancelPayment).outside().guarded_by(&PAYMENT_BREAKER).within(300)
        .budget(4, 5);

    /// Asks the customer to confirm the payment, and stores the state machine's task token until
    /// the payment provider reports the result.
    AskCustomer: PAYMENT task_of CollectPayment [DeliveryEstimated] => [ConfirmationRequired]
        .undone_by(&CancelPayment).outside();

    /// Reads from the payment provider the result of a charge that the customer had to confirm.
    ConcludePayment: PAYMENT task_of CollectPayment [DeliveryEstimated]
        => [PaymentMade, PaymentAuthorized, PaymentFailed]
        .undone_by(&CancelPayment).outside().guarded_by(&PAYMENT_BREAKER).within(300);

    /// Receives a signed notice from the payment provider. Completes the task that waits for the
    /// customer's confirmation, or reports a dispute, a refund that failed after it was accepted,
    /// or an amount that the bank no longer holds.
    HearProvider: PAYMENT api [PaymentNotice]
        => [ErrorPaymentDisputed, ErrorPaymentCanceled, CaptureFailed]
        .final_step().outside().callers(Callers::Partner(PAYMENT_PROVIDER));

    /// Fails the payment of an order if the review did not begin or did not end in time, or if the
    /// payment provider could not be reached for about a day.
    RefusePayment: PAYMENT task_of CollectPayment [DeliveryEstimated] => [PaymentFailed]
        .final_step().outside();

    /// Completes the task that waits for the reviewer's decision. If a reviewer has only begun the
    /// review, sends the task's heartbeat.
    HearVerdict: PAYMENT on [OrderApproved, OrderDeclined, ReviewTaken] => []
        .records().outside().budget(3, 9);

    /// Removes the reserved items from the stock, after the order is paid or the bank holds its
    /// amount.
    RemoveItem: INVENTORY on [PaymentMade, PaymentAuthorized] => [ItemRemoved, ErrorItemRemoved]
        .undone_by(&UnreserveOrReturnItem).budget(2, 6);

    /// Starts the state machine that hands the parcel to the carrier, and waits for the carrier's
    /// callback. Without a callback in time (ten days by default), the machine cancels the
    /// delivery.
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

    /// Gives the carrier a parcel's address, because the bus's call does not contain the address.
    /// Returns the address only to the first request for it, and to retries of that request.
    ShowAddress: DELIVERY api [ShowAddress] => []
        .records().budget(2, 4).callers(Callers::Partner(CARRIER)).opens();

    /// Publishes what the carrier's signed webhook reports, and completes the task that waits for
    /// the webhook.
    RelayLogistics: DELIVERY api [LogisticsUpdate]
        => [DeliveryStarted, Delivered, DeliveryCanceled, ErrorDeliveryWasDelivered]
        .final_step().budget(3, 10).callers(Callers::Partner(CARRIER));

    /// Captures the amount that the bank holds, once the carrier has the parcel. If the carrier did
    /// not report that it has the parcel, captures the amount once the parcel was delivered.
    CapturePayment: PAYMENT on [DeliveryStarted, Delivered] => [PaymentMade, CaptureFailed]
        .undone_by(&CancelPayment).outside().queued().guarded_by(&PAYMENT_BREAKER)
        .when(CAPTURE_DUE).within(300).budget(4, 5);

    /// Confirms that the parcel has arrived.
    ConfirmDelivery: DELIVERY on [Delivered]
        => [DeliveryWasDelivered, ErrorDeliveryWasDelivered]
        .final_step().budget(2, 4);

    /// Closes the order as delivered.
    CompleteOrder: ORDER on [DeliveryWasDelivered] => [OrderDelivered]
        .final_step().budget(2, 5);

    /// Cancels a delivery because the carrier gave up, sent no callback or could not be reached, or
    /// because the order was canceled. If no delivery is planned yet, stores a tombstone that
    /// prevents a delivery.
    CancelDelivery: DELIVERY on [OrderCanceled, DeliveryCanceled] or_dead [DeliveryMarkedAsStarted]
        task_of FulfilDelivery [ItemRemoved]
        => [DeliveryWasCanceled, ErrorDeliveryWasCanceled]
        .final_step().dead_letters_of(&StartDelivery).budget(3, 9);

    /// Asks the carrier to return a parcel that the carrier may already have.
    RecallDelivery: DELIVERY on [DeliveryWasCanceled] => []
        .final_step().calls(CARRIER)
        .when(Content::OneOf { field: "canceled-by", values: &["order", "unreachable"] })
        .budget(0, 0);

    /// Returns the reserved or removed pieces of a canceled order to the stock.
    UnreserveOrReturnItem: INVENTORY on [OrderCanceled]
        => [ItemUnreserved, ItemReturned, ErrorItemUnreserved, ErrorItemReturned]
        .final_step().title("UnreserveItem or ReturnItem").budget(2, 6);

    /// Refunds the charge of a canceled order, and cancels the payment intent, so that nothing can
    /// be charged later.
    CancelPayment: PAYMENT on [OrderCanceled] => [PaymentCanceled, ErrorPaymentCanceled]
        .final_step().outside().queued().guarded_by(&PAYMENT_BREAKER).budget(4, 5);

    /// Requests a refund again on an operator's command, after the payment provider refused the
    /// refund.
    RetryRefund: PAYMENT api [RetryRefund] => [PaymentCanceled, ErrorPaymentCanceled]
        .final_step().outside().guarded_by(&PAYMENT_BREAKER).callers(ONLY_OPERATORS);

    /// Emails the customer when the payment has to be confirmed, when the bank holds the order's
    /// amount, and when the order is paid, on its way, delivered, or canceled (with the reason).
    SendEmail: NOTIFICATION
        on [ConfirmationRequired, PaymentAuthorized, PaymentMade, DeliveryStarted, OrderCanceled,
            OrderDelivered]
        => [EmailSent, EmailFailed]
        .records().outside().queued().guarded_by(&MAIL_BREAKER).budget(2, 4).opens();

    /// Emails an operator that an action could not be undone, that an amount could not be charged,
    /// or that a charge is disputed.
    AlertOperator: NOTIFICATION
        on [ErrorItemUnreserved, ErrorItemReturned, CaptureFailed, ErrorPaymentCanceled,
            ErrorPaymentDisputed, ErrorDeliveryWasDelivered, ErrorDeliveryWasCanceled]
        => [EmailSent, EmailFailed]
        .records().outside().queued().guarded_by(&MAIL_BREAKER);

    /// Emails an operator that a partner does not answer, and that calls to the partner are
    /// suspended.
    ReportOutage: NOTIFICATION on [PartnerUnavailable] => [EmailSent, EmailFailed]
        .records().outside().queued().guarded_by(&MAIL_BREAKER);

    /// Emails an operator that a partner answers again.
    ReportRecovery: NOTIFICATION on [PartnerRecovered] => [EmailSent, EmailFailed]
        .records().outside().queued().guarded_by(&MAIL_BREAKER);

    /// Stores a customer's email address in the read model of the Notification service.
    LearnContact: NOTIFICATION on [CustomerUpdated, CustomerErased] => []
        .records().folds();

    /// Opens the review of an order whose terms require a review. Once the Payment service has
    /// requested the review, publishes that a reviewer has begun it, and the reviewer's decision.
    ReviewOrder: FRAUD api [DecideReview] on [OrderCreated, ReviewRequested]
        => [OrderApproved, OrderDeclined, ReviewTaken]
        .records().within(86_400).when(NEEDS_REVIEW).budget(4, 8).callers(ONLY_REVIEWERS);

    /// Closes the review of an order that was canceled.
    CloseReview: FRAUD on [OrderCanceled] => []
        .records().when(NEEDS_REVIEW);

    /// Prepares the customs declaration of an order that is shipped abroad.
    PrepareDeclaration: CUSTOMS on [OrderCreated] => [CustomsDeclared]
        .records().when(LEAVES_COUNTRY);

    /// Counts the orders placed, canceled and delivered, and adds up their totals.
    CountOrder: ANALYTICS on [OrderCreated, OrderCanceled, OrderDelivered] => []
        .records().budget(1, 4);

    /// Stores every event of the shop permanently, in the event log.
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

    /// Publishes how an order ended, with only the data that other accounts are allowed to see.
    PublishOutcome: ENTERPRISE on [OrderDelivered, OrderCanceled]
        => [ShopOrderDelivered, ShopOrderCanceled]
        .records().outside().optional().budget(1, 1);

    /// Forwards the public events to the enterprise's bus, in another account.
    ForwardOutcome: ENTERPRISE on [ShopOrderDelivered, ShopOrderCanceled] => []
        .records().forwards_to(ENTERPRISE_BUS).optional().budget(0, 0);

    /// Lists an item, with its price and the number of pieces that the shop received.
    PutItem: INVENTORY api [PutItem] => [ItemListed]
        .records().callers(ONLY_STAFF).commands_from(CATALOGUE, ENTERPRISE_BUS);

    /// Adds received pieces to an item's stock, or subtracts lost pieces.
    ReceiveStock: INVENTORY api [ReceiveStock] => []
        .records().callers(ONLY_STAFF);

    /// Stores a new or changed customer.
    PutCustomer: CUSTOMER api [PutCustomer] => [CustomerUpdated]
        .records().callers(OWNER_OR_STAFF).seals();

    /// Forgets a customer: destroys the key under which their personal data is encrypted. While an
    /// order of the customer is under way, the command is rejected, unless the caller accepts that
    /// the order's delivery may fail.
    ForgetCustomer: ORDER api [ForgetCustomer] => [CustomerForgotten]
        .records().callers(OWNER_OR_STAFF).destroys_keys();

    /// Erases the name and the email address of a forgotten customer.
    EraseCustomer: CUSTOMER on [CustomerForgotten] => [CustomerErased]
        .records();

    /// Stores an item's price in the read model of the Order service, so that `CreateOrder`
    /// computes an order's total without a call to the Inventory service.
    LearnPrice: ORDER on [ItemListed] => []
        .records().folds();

    /// Stores the progress of an order's payment and delivery, which the API shows with the order.
    FollowOrder: ORDER
        on [ReviewRequested, ConfirmationRequired, PaymentAuthorized, PaymentMade, PaymentCanceled,
            DeliveryEstimated, DeliveryStarted] => []
        .records().folds().budget(1, 1);

    /// Folds the events of an order into the list of orders that customers see.
    ProjectOrder: ORDER on [OrderCreated, OrderCanceled, OrderDelivered] => []
        .records().folds().budget(1, 3);
}
