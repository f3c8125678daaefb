"""Faults on demand: what tests and the page can make the local Slack do wrong."""

from pydantic import BaseModel, ConfigDict, Field


class RateFault(BaseModel):
    """Answer 429 to the next `times` calls with this Retry-After in seconds."""

    model_config = ConfigDict(extra="forbid")
    times: int = Field(ge=0)
    retry_after: int = Field(default=1, ge=0)


class ServerFault(BaseModel):
    """Answer the next `times` calls with this HTTP status, with carried_out after doing what they ask."""

    model_config = ConfigDict(extra="forbid")
    times: int = Field(ge=0)
    status: int = Field(default=500, ge=400, le=599)
    carried_out: bool = False


class Faults(BaseModel):
    """The fault plan. Methods are Web API names, `*` stands for all of them.

    latency_ms delays what Web API calls do, answer_latency_ms only their answers, lost_answers cuts the connection of
    the next so many calls once they are done. drop_sockets cuts open sockets and refuses new ones while set.
    duplicate_delivery sends so many identical copies beside each delivery; late_delivery_ms delays
    deliveries after their trigger was issued. invalid_blocks lists block types to refuse, as
    a workspace that a phased roll-out has not reached does. unready_files refuses the next so many messages that show
    an uploaded file, as Slack does until it has made the file ready. revoked makes every token `token_revoked`.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)
    latency_ms: dict[str, int] = Field(default_factory=dict)
    answer_latency_ms: dict[str, int] = Field(default_factory=dict)
    lost_answers: dict[str, int] = Field(default_factory=dict)
    rate_limited: dict[str, RateFault] = Field(default_factory=dict)
    server_error: dict[str, ServerFault] = Field(default_factory=dict)
    drop_sockets: bool = False
    duplicate_delivery: int = Field(default=0, ge=0, le=10)
    late_delivery_ms: int = Field(default=0, ge=0)
    invalid_blocks: list[str] = Field(default_factory=list)
    unready_files: int = Field(default=0, ge=0)
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

    def answer_latency(self, method: str) -> float:
        """Seconds to wait between doing what was asked and answering."""
        return self.answer_latency_ms.get(method, self.answer_latency_ms.get("*", 0)) / 1000

    def take_lost_answer(self, method: str) -> bool:
        """Is this call's answer to be lost; counts down."""
        name = method if method in self.lost_answers else "*"
        if self.lost_answers.get(name, 0) <= 0:
            return False
        self.lost_answers[name] -= 1
        return True

    def take_unready_file(self) -> bool:
        """Is a file shown in this message not ready yet; counts down."""
        if self.unready_files == 0:
            return False
        self.unready_files -= 1
        return True

    def take_server_error(self, method: str) -> ServerFault | None:
        """How to fail this call; counts down."""
        fault = self.server_error.get(method) or self.server_error.get("*")
        if fault is None or fault.times == 0:
            return None
        fault.times -= 1
        return fault
