//! The design table: one row per action. **This is the program**: types, rules, schemas, IAM,
//! `template.yaml`, docs and the local run derive from it, and `chorus design --check` proves that
//! the flow is complete.
//!
//! A row reads: action, service, commands of its API, `on` the events that it consumes, `=>` the
//! events that it emits; then what it does to the world. It generates a type of the action's name
//! in [`rows`], with the enums of what comes in and what goes out. A row that is `task_of` a state
//! machine is handed its events by that, not by a rule.

use crate::RowSpec;

/// The input of a row: its own enum, or any event at all.
macro_rules! input_type {
    ($own:ident) => {
        $own
    };
    ($own:ident everything) => {
        crate::AnyEvent
    };
}
use input_type;

macro_rules! design_table {
    ($(
        $(#[doc = $doc:literal])+
        $action:ident: $service:ident
            $(api [$($command:ident),+])?
            $(on [$($event:ident),+])?
            $(or_dead [$($dead:ident),+])?
            $(task_of $machine:ident [$($task:ident),+])?
            $(listens_to $every:ident)?
            => [$($output:ident),*]
            $(.$aspect:ident($($value:expr),*))+;
    )+) => { pastey::paste! {
        /// Every row as a type, with the messages it reads and writes.
        pub mod rows {
            $(
                $(#[doc = $doc])+
                #[derive(Debug, Clone, Copy)]
                pub struct $action;

                impl crate::Row for $action {
                    const SPEC: crate::RowSpec = crate::RowSpec::new(
                        stringify!($action),
                        crate::Service::$service,
                        crate::event::first_of(&[$($doc),+]).trim_ascii(),
                    )
                    .messages(
                        &[$($(<crate::commands::$command as crate::Event>::SPEC),+)?],
                        &[$($(<crate::catalog::facts::$event as crate::Event>::SPEC),+)?],
                        &[$(<crate::catalog::facts::$output as crate::Event>::SPEC),*],
                    )
                    $(.tasks(
                        stringify!($machine),
                        &[$(<crate::catalog::facts::$task as crate::Event>::SPEC),+],
                    ))?
                    $(.$aspect($($value),*))+;
                    type Input = crate::table::input_type!([<$action Input>] $($every)?);
                    type Output = [<$action Output>];
                }

                #[doc = "What " $action " consumes."]
                #[derive(Debug, Clone)]
                #[allow(clippy::large_enum_variant)]
                pub enum [<$action Input>] {
                    $($(
                        #[doc = "The command."]
                        $command(crate::commands::$command),
                    )+)?
                    $($(
                        #[doc = "The event."]
                        $event(crate::catalog::facts::$event),
                    )+)?
                    $($(
                        #[doc = "The event, come back as a dead letter."]
                        $dead(crate::catalog::facts::$dead),
                    )+)?
                    $($(
                        #[doc = "The event, handed over by a state machine."]
                        $task(crate::catalog::facts::$task),
                    )+)?
                }

                impl crate::Inputs for [<$action Input>] {
                    const EVENTS: &'static [crate::EventSpec] = &[
                        $($(<crate::commands::$command as crate::Event>::SPEC,)+)?
                        $($(<crate::catalog::facts::$event as crate::Event>::SPEC,)+)?
                        $($(<crate::catalog::facts::$dead as crate::Event>::SPEC,)+)?
                        $($(<crate::catalog::facts::$task as crate::Event>::SPEC,)+)?
                    ];

                    #[allow(unused_variables)]
                    fn read(
                        detail_type: &str,
                        version: u32,
                        data: &serde_json::value::RawValue,
                    ) -> Result<Self, crate::ReadError> {
                        match detail_type {
                            $($(stringify!($command) =>
                                crate::Event::read(version, data).map(Self::$command),)+)?
                            $($(stringify!($event) =>
                                crate::Event::read(version, data).map(Self::$event),)+)?
                            $($(stringify!($dead) =>
                                crate::Event::read(version, data).map(Self::$dead),)+)?
                            $($(stringify!($task) =>
                                crate::Event::read(version, data).map(Self::$task),)+)?
                            other => Err(crate::ReadError::Unexpected(other.to_owned())),
                        }
                    }
                }

                $($(
                    impl From<crate::commands::$command> for [<$action Input>] {
                        fn from(command: crate::commands::$command) -> Self {
                            Self::$command(command)
                        }
                    }
                )+)?
                $($(
                    impl From<crate::catalog::facts::$event> for [<$action Input>] {
                        fn from(event: crate::catalog::facts::$event) -> Self {
                            Self::$event(event)
                        }
                    }
                )+)?
                $($(
                    impl From<crate::catalog::facts::$task> for [<$action Input>] {
                        fn from(event: crate::catalog::facts::$task) -> Self {
                            Self::$task(event)
                        }
                    }
                )+)?

                #[doc = "What " $action " emits."]
                #[derive(Debug, Clone, PartialEq)]
                #[allow(clippy::large_enum_variant)]
                pub enum [<$action Output>] {
                    $(
                        #[doc = "The event."]
                        $output(crate::catalog::facts::$output),
                    )*
                }

                impl crate::Outputs for [<$action Output>] {
                    const EVENTS: &'static [crate::EventSpec] =
                        &[$(<crate::catalog::facts::$output as crate::Event>::SPEC),*];

                    fn spec(&self) -> &'static crate::EventSpec {
                        match *self {
                            $(Self::$output(_) =>
                                &<crate::catalog::facts::$output as crate::Event>::SPEC,)*
                        }
                    }

                    fn subject(&self) -> &str {
                        match *self {
                            $(Self::$output(ref event) => crate::Event::subject(event),)*
                        }
                    }

                    fn to_json(
                        &self,
                    ) -> serde_json::Result<Box<serde_json::value::RawValue>> {
                        match *self {
                            $(Self::$output(ref event) =>
                                serde_json::value::to_raw_value(event),)*
                        }
                    }
                }

                $(
                    impl From<crate::catalog::facts::$output> for [<$action Output>] {
                        fn from(event: crate::catalog::facts::$output) -> Self {
                            Self::$output(event)
                        }
                    }
                )*
            )+
        }

        /// Every row as a value, in the order of the table.
        pub const TABLE: &[RowSpec] = &[$(<rows::$action as crate::Row>::SPEC),+];

        /// Every message of the table with its schema and sample, in the order of the table; a
        /// message stands here once for each row that names it.
        pub(crate) fn mentioned() -> Vec<crate::catalog::Message> {
            vec![$(
                $($(crate::catalog::Message::of::<crate::commands::$command>(),)+)?
                $($(crate::catalog::Message::of::<crate::catalog::facts::$event>(),)+)?
                $($(crate::catalog::Message::of::<crate::catalog::facts::$task>(),)+)?
                $(crate::catalog::Message::of::<crate::catalog::facts::$output>(),)*
            )+]
        }
    } };
}

design_table! {
    /// Accepts an order at the prices that the service has learned.
    CreateOrder: Order api [CreateOrder] => [OrderCreated]
        .undone_by("CancelOrder").within(5);

    /// Cancels an order that has not ended, because a customer asks or a step failed.
    CancelOrder: Order api [CancelOrder]
        on [ItemNotAvailable, ErrorItemDescribed, ErrorCustomerDescribed, ErrorDeliveryEstimated,
            OrderDeclined, PaymentFailed, ErrorItemRemoved, ErrorMarkDeliveryAsStarted,
            DeliveryWasCanceled]
        => [OrderCanceled]
        .settles();

    /// Sets aside what an order needs: all of its lines, or none.
    ReserveItem: Inventory on [OrderCreated] => [ItemReserved, ItemNotAvailable]
        .undone_by("UnreserveOrReturnItem");

    /// Looks up what the reserved items are called.
    DescribeItem: Inventory on [ItemReserved] => [ItemDescribed, ErrorItemDescribed]
        .looks();

    /// Looks up who the order is for.
    DescribeCustomer: Customer on [ItemDescribed] => [CustomerDescribed, ErrorCustomerDescribed]
        .looks();

    /// Plans the delivery, and says by when it can arrive.
    EstimateDelivery: Delivery on [CustomerDescribed]
        => [DeliveryEstimated, ErrorDeliveryEstimated]
        .undone_by("CancelDelivery");

    /// Collects the payment of an order: the machine below does, and says what became of it.
    CollectPayment: Payment on [DeliveryEstimated] => []
        .looks().starts_machine().within(300);

    /// Asks for a person's look at an order of high value; the machine waits for the verdict.
    AskReviewer: Payment task_of CollectPayment [DeliveryEstimated] => [ReviewRequested]
        .undone_by("CancelPayment").outside();

    /// Charges the order; one of high value only once it is approved.
    MakePayment: Payment task_of CollectPayment [DeliveryEstimated]
        => [PaymentMade, PaymentFailed]
        .undone_by("CancelPayment").outside().within(300);

    /// Fails the payment of an order that nobody reviewed in time, or that cannot be charged.
    RefusePayment: Payment task_of CollectPayment [DeliveryEstimated] => [PaymentFailed]
        .settles().outside();

    /// Tells the machine that waits what the reviewer says.
    HearVerdict: Payment on [OrderApproved, OrderDeclined, ReviewTaken] => []
        .records().outside();

    /// Takes the reserved items out of the stock.
    RemoveItem: Inventory on [PaymentMade] => [ItemRemoved, ErrorItemRemoved]
        .undone_by("UnreserveOrReturnItem");

    /// Fulfils the delivery of an order that is paid and packed: the machine below does.
    FulfilDelivery: Delivery on [ItemRemoved] => []
        .looks().starts_machine();

    /// Marks the delivery as started, which hands it to the carrier; the machine waits for its word.
    MarkDeliveryAsStarted: Delivery task_of FulfilDelivery [ItemRemoved]
        => [DeliveryMarkedAsStarted, ErrorMarkDeliveryAsStarted]
        .undone_by("CancelDelivery");

    /// Asks the carrier to fetch and deliver the parcel.
    StartDelivery: Delivery on [DeliveryMarkedAsStarted] => [DeliveryStarted]
        .undone_by("RecallDelivery").calls_partner().within(86_400);

    /// Passes on what the carrier's signed webhook says, and tells the machine that waits for it.
    RelayLogistics: Delivery api [LogisticsUpdate]
        => [DeliveryStarted, Delivered, DeliveryCanceled, ErrorDeliveryWasDelivered]
        .settles();

    /// Confirms that the parcel has arrived.
    ConfirmDelivery: Delivery task_of FulfilDelivery [Delivered]
        => [DeliveryWasDelivered, ErrorDeliveryWasDelivered]
        .settles();

    /// Closes the order.
    CompleteOrder: Order on [DeliveryWasDelivered] => [OrderDelivered]
        .settles();

    /// Cancels a delivery because the carrier gave up, says nothing or could not be reached, or
    /// because the order was canceled; where none was planned yet, none will be.
    CancelDelivery: Delivery on [OrderCanceled] or_dead [DeliveryMarkedAsStarted]
        task_of FulfilDelivery [DeliveryCanceled, ItemRemoved]
        => [DeliveryWasCanceled, ErrorDeliveryWasCanceled]
        .settles().dead_letters_of("StartDelivery");

    /// Calls a parcel back that the carrier may have.
    RecallDelivery: Delivery on [DeliveryWasCanceled] => []
        .settles().calls_partner()
        .when(r#"{"data":{"canceled-by":["order","unreachable"]}}"#);

    /// Makes available again what was reserved for, or removed for, a canceled order.
    UnreserveOrReturnItem: Inventory on [OrderCanceled]
        => [ItemUnreserved, ItemReturned, ErrorItemUnreserved, ErrorItemReturned]
        .settles().title("UnreserveItem or ReturnItem");

    /// Refunds what was charged for a canceled order, and sees to it that nothing will be.
    CancelPayment: Payment on [OrderCanceled] => [PaymentCanceled, ErrorPaymentCanceled]
        .settles().outside();

    /// Tells the customer.
    SendEmail: Notification
        on [ItemNotAvailable, PaymentMade, PaymentFailed, DeliveryStarted, OrderCanceled,
            OrderDelivered]
        => [EmailSent, EmailFailed]
        .records().outside().queued();

    /// Tells an operator that something could not be undone.
    AlertOperator: Notification
        on [ErrorItemUnreserved, ErrorItemReturned, ErrorPaymentCanceled,
            ErrorDeliveryWasDelivered, ErrorDeliveryWasCanceled]
        => [EmailSent, EmailFailed]
        .records().outside().queued();

    /// Keeps a customer's address for letters, its own read model.
    LearnContact: Notification on [CustomerUpdated] => []
        .records().folds();

    /// Has a person look at an order of high value, once its payment asks for it.
    ReviewOrder: Fraud api [DecideReview] on [OrderCreated, ReviewRequested]
        => [OrderApproved, OrderDeclined, ReviewTaken]
        .records().within(86_400).when(r#"{"data":{"total":[{"numeric":[">=",1000]}]}}"#);

    /// Closes the review of an order that was canceled.
    CloseReview: Fraud on [OrderCanceled] => []
        .records().when(r#"{"data":{"total":[{"numeric":[">=",1000]}]}}"#);

    /// Prepares the declaration of an order that leaves the country.
    PrepareDeclaration: Customs on [OrderCreated] => [CustomsDeclared]
        .records().when(r#"{"data":{"country":[{"anything-but":["Germany"]}]}}"#);

    /// Counts orders and what they are worth, by how they ended.
    CountOrder: Analytics on [OrderCreated, OrderCanceled, OrderDelivered] => []
        .records();

    /// Keeps every event, for good.
    RecordEvent: EventLog listens_to everything => []
        .records().folds().every();

    /// Lists an item: price, and stock received.
    PutItem: Inventory api [PutItem] => [ItemListed]
        .records();

    /// Keeps a customer.
    PutCustomer: Customer api [PutCustomer] => [CustomerUpdated]
        .records();

    /// Learns an item's price, its own read model, so that an order's total needs no call.
    LearnPrice: Order on [ItemListed] => []
        .records().folds();

    /// Folds the order's events into the list that customers see.
    ProjectOrder: Order on [OrderCreated, OrderCanceled, OrderDelivered] => []
        .records().folds();
}
