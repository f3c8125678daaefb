"""What is counted, for Prometheus. Children on the acknowledgement path are made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
DELIVERY_KINDS = (
    "command",
    "action",
    "view_submission",
    "view_closed",
    "options",
    "shortcut",
    "event",
    "other",
)
_ACK_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0)
_JOB_BUCKETS = (0.01, 0.05, 0.25, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0)
_CALL_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """All metrics of one process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._ack_seconds = Histogram(
            "dataset_bot_ack_seconds",
            "Seconds from taking a delivery to its acknowledgement.",
            ["type"],
            buckets=_ACK_BUCKETS,
            registry=self.registry,
        )
        self._acks = Counter(
            "dataset_bot_acks_total",
            "Deliveries acknowledged, by type and status.",
            ["type", "status"],
            registry=self.registry,
        )
        self._duplicates = Counter(
            "dataset_bot_duplicate_deliveries_total",
            "Deliveries that had been handled before.",
            ["type"],
            registry=self.registry,
        )
        self._refused = Counter(
            "dataset_bot_requests_refused_total",
            "Requests refused before they were read, by HTTP status.",
            ["status"],
            registry=self.registry,
        )
        self._jobs = Counter(
            "dataset_bot_jobs_total",
            "Jobs by pool and state: started, done, failed, timed_out, refused, interrupted.",
            ["pool", "state"],
            registry=self.registry,
        )
        self._job_seconds = Histogram(
            "dataset_bot_job_seconds",
            "Seconds that jobs ran.",
            ["pool"],
            buckets=_JOB_BUCKETS,
            registry=self.registry,
        )
        self._slack_calls = Counter(
            "dataset_bot_slack_calls_total",
            "Calls of Slack's Web API by method and result.",
            ["method", "result"],
            registry=self.registry,
        )
        self._slack_seconds = Histogram(
            "dataset_bot_slack_call_seconds",
            "Seconds of calls of Slack's Web API, retries included.",
            buckets=_CALL_BUCKETS,
            registry=self.registry,
        )
        self._queue = Gauge("dataset_bot_jobs_waiting", "Jobs that wait for a place.", ["pool"], registry=self.registry)
        self._running = Gauge("dataset_bot_jobs_running", "Jobs that run now.", ["pool"], registry=self.registry)
        self._sockets = Gauge(
            "dataset_bot_socket_connected",
            "1 while a Socket Mode connection is fresh.",
            ["connection"],
            registry=self.registry,
        )
        self._reconnects = Counter(
            "dataset_bot_socket_replacements_total",
            "Socket Mode connections replaced, by reason.",
            ["reason"],
            registry=self.registry,
        )
        self._index_age = Gauge(
            "dataset_bot_index_age_seconds",
            "Seconds since the search index last agreed with the workspace.",
            registry=self.registry,
        )
        self._notices = Counter(
            "dataset_bot_outbox_notices_total",
            "Notices by result: sent, dropped, failed; on the way: rate_limited, doubtful, found (had been posted), "
            "blind (posted again unseen).",
            ["result"],
            registry=self.registry,
        )
        self._notice_seconds = Histogram(
            "dataset_bot_outbox_delivery_seconds",
            "Seconds from the moment a notice was due to its delivery.",
            buckets=_CALL_BUCKETS,
            registry=self.registry,
        )
        self._notice_age = Gauge(
            "dataset_bot_outbox_oldest_seconds",
            "Seconds that the oldest notice which is due has waited, when readiness was last asked for.",
            registry=self.registry,
        )
        self._monitor_runs = Counter(
            "dataset_bot_monitor_runs_total",
            "Runs of monitors by result: clean, drifted, unknown, failed, put_back, lost (could not be recorded).",
            ["result"],
            registry=self.registry,
        )
        self._monitor_lateness = Histogram(
            "dataset_bot_monitor_lateness_seconds",
            "Seconds from the moment a run of a monitor was due to its beginning.",
            buckets=_CALL_BUCKETS,
            registry=self.registry,
        )
        self._access_requests = Gauge(
            "dataset_bot_access_requests_waiting",
            "Requests for access that nobody has decided.",
            registry=self.registry,
        )
        self._access_oldest = Gauge(
            "dataset_bot_access_request_oldest_seconds",
            "Seconds that the oldest request for access has waited for a decision.",
            registry=self.registry,
        )
        self._access_grants = Gauge(
            "dataset_bot_access_grants",
            "Grants that have not ended, by status: granting, active, ending, failed.",
            ["status"],
            registry=self.registry,
        )
        self._access_failing = Gauge(
            "dataset_bot_access_grants_failing",
            "Grants whose giving, prolonging, repair or end failed and is tried again.",
            registry=self.registry,
        )
        self._access_due = Gauge(
            "dataset_bot_access_grants_due",
            "Grants with something to execute now.",
            registry=self.registry,
        )
        self._access_sweep_age = Gauge(
            "dataset_bot_access_sweep_age_seconds",
            "Seconds since grants were last compared with what is there, or since the start.",
            registry=self.registry,
        )
        self._access_findings = Counter(
            "dataset_bot_access_findings_total",
            "What comparing grants found: doubted (an assignment is not there), rebuilt (a record), removed and "
            "reported (assignments without a grant), failed (could not be put right).",
            ["finding"],
            registry=self.registry,
        )
        self._ack_observers = {kind: self._ack_seconds.labels(kind).observe for kind in DELIVERY_KINDS}
        self._ack_counters: dict[tuple[str, int], Callable[[], None]] = {
            (kind, 200): self._acks.labels(kind, "200").inc for kind in DELIVERY_KINDS
        }

    def ack(self, kind: str, status: int, seconds: float) -> None:
        """Count one acknowledgement."""
        self._ack_observers[kind](seconds)
        count = self._ack_counters.get((kind, status))
        if count is None:
            count = self._ack_counters[kind, status] = self._acks.labels(kind, str(status)).inc
        count()

    def duplicate(self, kind: str) -> None:
        """Count one repeated delivery."""
        self._duplicates.labels(kind).inc()

    def refused(self, status: int) -> None:
        """Count a request that the guard refused."""
        self._refused.labels(str(status)).inc()

    def job(self, pool: str, state: str) -> None:
        """Count a job entering a state."""
        self._jobs.labels(pool, state).inc()

    def job_seconds(self, pool: str, seconds: float) -> None:
        """Note how long a job ran."""
        self._job_seconds.labels(pool).observe(seconds)

    def pool(self, pool: str, *, running: int, waiting: int) -> None:
        """Note how full a pool is."""
        self._running.labels(pool).set(running)
        self._queue.labels(pool).set(waiting)

    def slack_call(self, method: str, result: str, seconds: float) -> None:
        """Count one call of the Web API. result: "ok", Slack's error code, or "unreachable"."""
        self._slack_calls.labels(method, result).inc()
        self._slack_seconds.observe(seconds)

    def socket(self, connection: int, *, fresh: bool) -> None:
        """Note whether a Socket Mode connection is alive."""
        self._sockets.labels(str(connection)).set(1 if fresh else 0)

    def socket_replaced(self, reason: str) -> None:
        """Count a replaced Socket Mode connection."""
        self._reconnects.labels(reason).inc()

    def watch_index_age(self, age: Callable[[], float]) -> None:
        """Ask age for the index's age in seconds whenever the metrics are read."""
        self._index_age.set_function(age)

    def outbox(self, result: str) -> None:
        """Count a notice that came to this result."""
        self._notices.labels(result).inc()

    def outbox_seconds(self, seconds: float) -> None:
        """Note how long a notice took from being due to being delivered."""
        self._notice_seconds.observe(seconds)

    def outbox_age(self, seconds: float) -> None:
        """Note how long the oldest notice that is due has waited."""
        self._notice_age.set(seconds)

    def monitor_run(self, result: str) -> None:
        """Count a run of a monitor that came to this result."""
        self._monitor_runs.labels(result).inc()

    def monitor_lateness(self, seconds: float) -> None:
        """Note how late a run of a monitor began."""
        self._monitor_lateness.observe(seconds)

    def access(self, *, waiting: int, oldest: float, grants: Mapping[str, int], failing: int, due: int) -> None:
        """Note how access stands. oldest: seconds. grants: how many by status."""
        self._access_requests.set(waiting)
        self._access_oldest.set(oldest)
        for status, count in grants.items():
            self._access_grants.labels(status).set(count)
        self._access_failing.set(failing)
        self._access_due.set(due)

    def watch_access_sweep(self, age: Callable[[], float]) -> None:
        """Ask age for the seconds since the last sweep whenever the metrics are read."""
        self._access_sweep_age.set_function(age)

    def access_finding(self, finding: str, count: int) -> None:
        """Count what a sweep found."""
        self._access_findings.labels(finding).inc(count)

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
