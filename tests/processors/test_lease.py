"""How long a worker may write without hearing from its group."""

from processors.lease import Lease


def test_a_lease_lasts_for_most_of_a_session_from_before_the_heartbeat_that_succeeded() -> None:
    now_s = 100.0
    lease = Lease(20.0, clock=lambda: now_s)
    lease.renew()

    now_s = 110.0
    succeeded = lease.heartbeat()
    now_s = 117.0
    assert not lease.lost
    succeeded()
    assert lease.age_s == 7.0
    now_s = 128.5
    assert lease.lost
    lease.renew()
    assert not lease.lost


def test_a_heartbeat_that_never_succeeds_renews_nothing() -> None:
    now_s = 0.0
    lease = Lease(20.0, clock=lambda: now_s)
    lease.renew()
    now_s = 10.0
    lease.heartbeat()
    now_s = 18.5

    assert lease.lost


def test_before_the_first_assignment_there_is_nothing_to_lose() -> None:
    now_s = 0.0
    lease = Lease(20.0, clock=lambda: now_s)
    lease.heartbeat()()
    now_s = 60.0

    assert not lease.lost
