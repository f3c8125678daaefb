"""Faults on demand: what tests and the page can make the local Slack do wrong."""

from pydantic import BaseModel, ConfigDict, Field


class RateFault(BaseModel):
    """Answer 429 to the next `times` calls with this Retry-After in seconds."""

    model_config = ConfigDict(extra="forbid")
    times: int = Field(ge=0)
    retry_after: int = Field(default=1, ge=0)


class ServerFault(BaseModel):
    """Answer the next `times` calls with this HTTP status."""

    model_config = ConfigDict(extra="forbid")
    times: int = Field(ge=0)
    status: int = Field(default=500, ge=400, le=599)


class Faults(BaseModel):
    """The fault plan. Methods are Web API names, `*` stands for all of them.

    latency_ms delays Web API answers. drop_sockets cuts open sockets and refuses new ones while set.
    duplicate_delivery sends so many identical copies beside each delivery; late_delivery_ms delays
    deliveries after their trigger was issued. invalid_blocks lists block types to refuse, as
    a workspace that a phased roll-out has not reached does. revoked makes every token `token_revoked`.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)
    latency_ms: dict[str, int] = Field(default_factory=dict)
    rate_limited: dict[str, RateFault] = Field(default_factory=dict)
    server_error: dict[str, ServerFault] = Field(default_factory=dict)
    drop_sockets: bool = False
    duplicate_delivery: int = Field(default=0, ge=0, le=10)
    late_delivery_ms: int = Field(default=0, ge=0)
    invalid_blocks: list[str] = Field(default_factory=list)
    revoked: bool = False

    def latency(self, method: str) -> float:
        """Seconds to wait before this method answers."""
        return self.latency_ms.get(method, self.latency_ms.get("*", 0)) / 1000

    def take_rate_limit(self, method: str) -> int | None:
        """Retry-After in seconds when this call is to be refused; counts down."""
        fault = self.rate_limited.get(method) or self.rate_limited.get("*")
        if fault is None or fault.times == 0:
            return None
        fault.times -= 1
        return fault.retry_after

    def take_server_error(self, method: str) -> int | None:
        """The HTTP status to fail this call with; counts down."""
        fault = self.server_error.get(method) or self.server_error.get("*")
        if fault is None or fault.times == 0:
            return None
        fault.times -= 1
        return fault.status
