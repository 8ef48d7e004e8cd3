//! The table of a small application: a desk accepts tickets, and urgent tickets ring a pager.

pub mod services {
    chorus_table::services! {
        /// Takes tickets, and follows them to their end.
        DESK: "desk", "Desk", "org.desk";
        /// Rings the pager of the person on call, and stores nothing.
        PAGER: "pager", "Pager", "org.pager";
    }
}

pub mod commands {
    use super::services;
    use chorus_table::{Owner, event};

    const DESK: Owner = Owner::Service(services::DESK);

    event! {
        /// Open a ticket.
        OpenTicket: DESK, Command, about ticket_id, {
            ticket_id: String = "t-1".to_owned(),
            urgency: i64 = 3,
        }
    }
}

pub mod facts {
    use super::services;
    use chorus_table::{Owner, event};

    const DESK: Owner = Owner::Service(services::DESK);
    const PAGER: Owner = Owner::Service(services::PAGER);

    event! {
        /// A ticket was opened.
        TicketOpened: DESK, Step, about ticket_id, {
            ticket_id: String = "t-1".to_owned(),
            urgency: i64 = 3,
        } also [{ urgency: 1 }]
    }

    event! {
        /// A ticket was closed.
        TicketClosed: DESK, End, about ticket_id, {
            ticket_id: String = "t-1".to_owned(),
        }
    }

    event! {
        /// The person on call was paged.
        PagerRung: PAGER, Terminal, about ticket_id, {
            ticket_id: String = "t-1".to_owned(),
        }
    }
}

pub use rows::RingPager;

chorus_table::design_table! {
    /// Opens a ticket.
    OpenTicket: DESK api [OpenTicket] => [TicketOpened]
        .records().callers(chorus_table::Callers::customers_or(&[]));

    /// Starts the state machine that handles a ticket.
    HandleTicket: DESK on [TicketOpened] => []
        .read_only().starts_machine();

    /// Asks an agent; the machine waits for the outcome.
    AskAgent: DESK task_of HandleTicket [TicketOpened] => []
        .records();

    /// Closes a ticket.
    CloseTicket: DESK task_of HandleTicket [TicketOpened] => [TicketClosed]
        .final_step();

    /// Rings the pager of the person on call, for an urgent ticket.
    RingPager: PAGER on [TicketOpened] => [PagerRung]
        .records().outside().when(chorus_table::Content::AtLeast { field: "urgency", units: 2 });
}
