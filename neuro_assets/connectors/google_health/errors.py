"""What can go wrong with a participant's account.

No message holds a token, a code, a client secret or an account's id, and none is raised while an exception of the HTTP
library is handled: those hold addresses and bodies.
"""


class AccountError(RuntimeError):
    """Anything about accounts and their tokens; the message names the remedy."""


class TokenKeyError(AccountError):
    """There is no key, or another one than the tokens need."""


class VaultError(AccountError):
    """The file of connections cannot be used, or something in it was written for another place."""


class NotConnectedError(AccountError):
    """The participant has no connection, or has ended it."""


class NeedsReconsentError(AccountError):
    """The participant's consent is no longer good; nothing is asked of Google until there is a new one."""


class AccountMismatchError(AccountError):
    """The account is another person's, by what is known of this participant and the others."""


class GrantRefusedError(AccountError):
    """Google does not take this code or refresh token (`invalid_grant`)."""


class ClientRefusedError(AccountError):
    """Google does not take this study's client, or the address is not that of its service; trying again is no help."""


class TokenUnavailableError(AccountError):
    """Google could not be reached, or did not answer as it should; later it may.

    Attributes:
        retry_after_s: what the answer asked to wait at least.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
