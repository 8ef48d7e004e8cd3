//! Events of the Notification service.

use chorus_table::{Owner, event};

use crate::{samples, services};

const NOTIFICATION: Owner = Owner::Service(services::NOTIFICATION);

event! {
    /// An email was sent.
    EmailSent: NOTIFICATION, Terminal, about about, {
        about: String = samples::order_id().to_string(),
        template: String = "PaymentMade".to_owned(),
        recipient: String = samples::customer_id().to_string(),
    }
}

event! {
    /// An email could not be sent.
    EmailFailed: NOTIFICATION, Terminal, about about, {
        about: String = samples::order_id().to_string(),
        template: String = "PaymentMade".to_owned(),
        reason: String = "no address is known".to_owned(),
    }
}
