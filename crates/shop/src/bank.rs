//! Runs the simulated payment provider: customers confirm charges, and the provider posts notices,
//! which are signed results of charges, to the shop's webhook.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use chorus_kernel::Clock;
use chorus_payment::{SimulatedNotice, SimulatedProvider};
use chorus_webhook_signature::{STRIPE_SIGNATURE_HEADER, SecretSource, sign_as_stripe};
use jiff::Timestamp;
use tokio::sync::Notify;

use crate::in_process::send;

/// How long the payment provider waits before it tries again, after a notice for the shop's webhook
/// could not be read or sent.
const PAUSE: Duration = Duration::from_secs(1);

/// The maximum size of a response of the shop, in bytes.
const MOST: usize = 1 << 16;

/// Why a notice of the payment provider was not delivered to the shop's webhook.
#[derive(Debug, thiserror::Error)]
enum NotSent {
    #[error(transparent)]
    Books(#[from] chorus_payment::ProviderError),
    #[error(transparent)]
    Secret(#[from] chorus_webhook_signature::SecretUnavailable),
    #[error("the request with the payment provider's notice cannot be built")]
    Request(#[from] axum::http::Error),
    #[error("the shop's response to the payment provider's notice cannot be read to its end")]
    Answer(#[from] axum::Error),
    #[error("the shop refused the payment provider's notice with status {0}")]
    Refused(axum::http::StatusCode),
}

/// The simulated payment provider, and the shop's router, which receives the provider's webhook
/// notices.
pub(crate) struct Bank {
    pub(crate) provider: SimulatedProvider,
    pub(crate) router: Router,
    /// The secrets with which the payment provider signs its webhook notices.
    pub(crate) secrets: Arc<dyn SecretSource>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Notified when the payment provider may have a new notice for the shop.
    pub(crate) woken: Arc<Notify>,
}

impl Bank {
    /// Sends the payment provider's notices to the shop until the future is dropped. Starts with
    /// the notices that an earlier process did not send.
    pub(crate) async fn run(self) {
        loop {
            let next = match self.send_due_notices().await {
                Ok(next) => next.map(|at| at.duration_since(self.clock.now())),
                Err(error) => {
                    tracing::warn!(%error, "a notice of the simulated payment provider was not accepted by the shop; the notice is sent again");
                    Some(PAUSE.try_into().unwrap_or_default())
                }
            };
            let Some(next) = next else {
                self.woken.notified().await;
                continue;
            };
            tokio::select! {
                () = self.woken.notified() => {}
                () = self.clock.sleep(Duration::try_from(next).unwrap_or_default()) => {}
            }
        }
    }

    /// Sends the payment provider's notices that are due. Returns the time at which the next notice
    /// is due; `None` if no further notice is known yet.
    async fn send_due_notices(&self) -> Result<Option<Timestamp>, NotSent> {
        let (due, next) = self.provider.notices().await?;
        for notice in due {
            self.send_notice(&notice).await?;
            self.provider.notice_accepted(&notice).await?;
        }
        Ok(next)
    }

    async fn send_notice(&self, notice: &SimulatedNotice) -> Result<(), NotSent> {
        let body = notice.event().to_string();
        let (secrets, now) = (self.secrets.read().await?, self.clock.now().as_second());
        let signature = sign_as_stripe(secrets.current(), now, body.as_bytes());
        let request = Request::post("/webhooks/payments")
            .header(CONTENT_TYPE, "application/json")
            .header(STRIPE_SIGNATURE_HEADER, signature)
            .body(Body::from(body))?;
        let (status, _) = send(&self.router, request, MOST).await?;
        if status.is_success() { Ok(()) } else { Err(NotSent::Refused(status)) }
    }
}
