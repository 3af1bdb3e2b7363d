//! Tickets from the system's Kerberos library, and the messages that present them.

use libgssapi::context::{ClientCtx, CtxFlags, SecurityContext};
use libgssapi::credential::{Cred, CredUsage};
use libgssapi::name::Name;
use libgssapi::oid::{GSS_MECH_KRB5, GSS_NT_HOSTBASED_SERVICE, GSS_NT_KRB5_PRINCIPAL, OidSet};

use super::{Exchange, LoginError, SaslStep};

/// The bit for "no security layer" in the broker's offer and in the client's choice.
const NO_LAYER: u8 = 1;

/// Begins to present a ticket for `broker` (`service@host`); requests one if there is none yet.
pub(super) fn exchange(
    broker: &str,
    principal: Option<&str>,
) -> Result<impl Exchange + use<>, LoginError> {
    begun(broker, principal).map_err(LoginError::credentials)
}

fn begun(broker: &str, principal: Option<&str>) -> Result<Tickets, libgssapi::error::Error> {
    let broker = Name::new(broker.as_bytes(), Some(GSS_NT_HOSTBASED_SERVICE))?;
    let principal = principal.map(|name| Name::new(name.as_bytes(), Some(GSS_NT_KRB5_PRINCIPAL)));
    let mechanisms = OidSet::singleton(GSS_MECH_KRB5)?;
    let ours = Cred::acquire(
        principal.transpose()?.as_ref(),
        None,
        CredUsage::Initiate,
        Some(&mechanisms),
    )?;
    // The broker has to prove its identity, too.
    let flags = CtxFlags::GSS_C_MUTUAL_FLAG | CtxFlags::GSS_C_SEQUENCE_FLAG;
    let context = ClientCtx::new(Some(ours), broker, flags, Some(GSS_MECH_KRB5));
    let stage = Stage::Context;
    Ok(Tickets { context, stage })
}

/// The stage of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Mutual authentication.
    Context,
    /// Negotiation of the security layer, which the broker begins.
    Layer,
    /// The broker has answered the choice.
    Chosen,
}

struct Tickets {
    context: ClientCtx,
    stage: Stage,
}

impl Exchange for Tickets {
    fn step(&mut self, message: &[u8]) -> Result<SaslStep, LoginError> {
        match self.stage {
            Stage::Context => {
                let challenge = (!message.is_empty()).then_some(message);
                let token = self.context.step(challenge, None);
                let token = token.map_err(LoginError::credentials)?;
                if self.context.is_complete() {
                    self.stage = Stage::Layer;
                }
                Ok(SaslStep::Say(
                    token.map(|token| token.to_vec()).unwrap_or_default(),
                ))
            }
            Stage::Layer => {
                let offer = self.context.unwrap(message);
                let offer = offer.map_err(LoginError::credentials)?;
                if offer.len() != 4 || offer[0] & NO_LAYER == 0 {
                    return Err(LoginError::broker(
                        "the broker requires a security layer, which Kafka's protocol doesn't support",
                    ));
                }
                // No security layer, so no maximum message size either; no other identity to act for.
                let choice = self.context.wrap(false, &[NO_LAYER, 0, 0, 0]);
                self.stage = Stage::Chosen;
                Ok(SaslStep::Say(
                    choice.map_err(LoginError::credentials)?.to_vec(),
                ))
            }
            Stage::Chosen => Ok(SaslStep::Done),
        }
    }
}
