//! An operator whose requests go to a local server instead of AWS.

use aws_sdk_cloudwatch::config::{Credentials, Region, SharedCredentialsProvider};
use axum::Router;
use tokio::net::TcpListener;

use crate::Operator;

/// Returns an [`Operator`] for the stack `shop`. The operator calls `server` instead of AWS.
#[allow(clippy::unwrap_used)]
pub(crate) async fn operator(server: Router) -> Operator {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, server).await });
    let credentials = Credentials::new("key", "secret", None, None, "the test");
    let config = chorus_aws::sdk_config().into_builder().endpoint_url(url);
    let config = config.region(Region::new("eu-west-1"));
    let config = config.credentials_provider(SharedCredentialsProvider::new(credentials));
    Operator::new(&config.build(), "shop")
}
