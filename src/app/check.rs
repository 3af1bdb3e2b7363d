//! placeholder
use crate::config::Config;
use crate::error::{Error, Kind, Result};
/// x
pub async fn check(_config: Config) -> Result<()> {
    std::future::ready(()).await;
    Err(Error::new(Kind::Refused, "x"))
}
