//! The shop's settings, and the terms of an order, which follow from them.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Country, Currency, Money};

/// The settings that the shop's operator chooses. They do not contain the time limit of a delivery,
/// which is a timeout of the state machine that waits for the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The country that the shop ships from.
    pub home_country: Country,
    /// An order of at least this total is charged only after a reviewer has approved it.
    pub review_above: Money,
    /// The currency of all prices.
    pub currency: Currency,
    /// When the money of an order is taken.
    pub payment_capture: PaymentCapture,
    /// How many orders a customer may place in a minute, at most
    /// [`Settings::MAX_ORDERS_PER_MINUTE`]; 0 for any number.
    pub orders_per_minute: u32,
}

/// When the money of an order is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentCapture {
    /// The money is taken as soon as the customer's bank approves the charge.
    AtOnce,
    /// The money is taken when the parcel leaves; until then, the bank holds the amount.
    WhenShipped,
}

/// The error for a text that is not the name of a [`PaymentCapture`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be at-once or when-shipped")]
pub struct UnknownCapture;

impl PaymentCapture {
    pub const ALL: [Self; 2] = [Self::AtOnce, Self::WhenShipped];

    /// The name in parameters and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AtOnce => "at-once",
            Self::WhenShipped => "when-shipped",
        }
    }
}

impl std::fmt::Display for PaymentCapture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PaymentCapture {
    type Err = UnknownCapture;

    fn from_str(text: &str) -> Result<Self, UnknownCapture> {
        Self::ALL.into_iter().find(|capture| capture.name() == text).ok_or(UnknownCapture)
    }
}

impl Settings {
    /// The settings if the operator chooses none. Before settings existed, every shop had this
    /// country, review threshold and currency, and took the money at once.
    pub const DEFAULT: Self = Self {
        home_country: Country::DE,
        review_above: Money::from_minor(100_000),
        currency: Currency::EUR,
        payment_capture: PaymentCapture::AtOnce,
        orders_per_minute: 60,
    };

    /// The highest limit of a customer's orders per minute: one order per millisecond, because
    /// the kernel counts in milliseconds. The kernel rounds up the time between two orders: with a
    /// limit of 31,000, a customer may place 31,000 orders at once, and then one order every two
    /// milliseconds.
    pub const MAX_ORDERS_PER_MINUTE: u32 = 60_000;

    /// Returns the terms of an order that is created under these settings.
    #[must_use]
    pub fn terms(&self, total: Money, country: Country) -> Terms {
        Terms {
            home_country: self.home_country,
            leaves_country: country != self.home_country,
            review_above: self.review_above,
            needs_review: total >= self.review_above,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The shop's settings when an order was created, whether the order is shipped abroad, and whether
/// the order needs a review. Rules and services read these terms, so a later change of the settings
/// does not affect the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Terms {
    /// The country that the shop shipped from.
    pub home_country: Country,
    /// Whether the order is shipped to another country than `home-country`. Such a shipment takes
    /// longer and has to be declared.
    pub leaves_country: bool,
    /// When the order was created, orders of at least this total were reviewed.
    pub review_above: Money,
    /// Whether the order is charged only after a reviewer has approved it.
    pub needs_review: bool,
}

/// The home country's name in events of earlier releases, which had no [`Terms`].
pub(crate) const FORMER_HOME: &str = "Germany";

/// The total from which an order was reviewed in earlier releases, whose events had no [`Terms`].
/// It is in whole units of the currency.
pub(crate) const FORMER_REVIEW_UNITS: i64 = Settings::DEFAULT.review_above.minor() / 100;

impl Terms {
    /// Returns the terms of an order whose events have none. Either the order is of an earlier
    /// release, in which every shop was in Germany and reviewed orders of at least 1,000. Or
    /// [`Terms::unless_implied`] left the terms out.
    #[must_use]
    pub fn implied_by(total: Money, country: &str) -> Self {
        let Settings { home_country, review_above, .. } = Settings::DEFAULT;
        let leaves_country = country != FORMER_HOME && country != home_country.code();
        let needs_review = Self::implied_review(total);
        Self { home_country, leaves_country, review_above, needs_review }
    }

    /// Returns the terms that an order's next events contain; `None` if [`Terms::implied_by`]
    /// returns terms with the same `leaves_country` and `needs_review`. Without terms, the records
    /// of most orders stay below a kilobyte, the unit by which writes are billed.
    #[must_use]
    pub fn unless_implied(terms: Option<Self>, total: Money, country: &str) -> Option<Self> {
        let flags = |terms: &Self| (terms.leaves_country, terms.needs_review);
        terms.filter(|terms| flags(terms) != flags(&Self::implied_by(total, country)))
    }

    /// Whether the terms that [`Terms::implied_by`] returns require a review. Callers that do not
    /// know the order's country use this function instead.
    #[must_use]
    pub fn implied_review(total: Money) -> bool {
        total >= Settings::DEFAULT.review_above
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_money_is_taken_is_read_as_it_is_written() {
        for capture in PaymentCapture::ALL {
            assert_eq!(capture.to_string().parse(), Ok(capture));
        }
        assert_eq!("later".parse::<PaymentCapture>(), Err(UnknownCapture));
    }

    #[test]
    fn the_threshold_itself_is_reviewed_and_home_is_not_abroad() {
        let settings = Settings { review_above: Money::from_minor(50_000), ..Settings::DEFAULT };
        let under = settings.terms(Money::from_minor(49_999), Country::DE);
        assert!(!under.needs_review && !under.leaves_country);
        let over = settings.terms(Money::from_minor(50_000), "FR".parse().unwrap());
        assert!(over.needs_review && over.leaves_country);
    }

    #[test]
    fn the_terms_of_an_order_of_an_earlier_release_are_implied_by_total_and_country() {
        let under = Terms::implied_by(Money::from_minor(99_999), "Germany");
        assert_eq!(under, Settings::DEFAULT.terms(Money::from_minor(99_999), Country::DE));
        let over = Terms::implied_by(Money::from_minor(100_000), "Atlantis");
        assert!(over.needs_review && over.leaves_country);
    }

    #[test]
    fn events_have_terms_only_if_the_implied_terms_would_differ() {
        let (review_above, france) = (Money::from_minor(50_000), "FR".parse().unwrap());
        for home_country in [Country::DE, france] {
            let settings = Settings { home_country, review_above, ..Settings::DEFAULT };
            for (cents, country) in
                [(49_999, "DE"), (50_000, "DE"), (50_000, "FR"), (100_000, "FR")]
            {
                let total = Money::from_minor(cents);
                let terms = settings.terms(total, country.parse().unwrap());
                let published = Terms::unless_implied(Some(terms), total, country);
                let read = published.unwrap_or_else(|| Terms::implied_by(total, country));
                let flags = |terms: Terms| (terms.leaves_country, terms.needs_review);
                assert_eq!(flags(read), flags(terms), "{cents} to {country}");
                let as_implied = home_country == Country::DE && !(50_000..100_000).contains(&cents);
                assert_eq!(published.is_none(), as_implied, "{cents} to {country}");
            }
        }
    }
}
