import socket

from pipeline.local import kraft


def test_a_port_somebody_listens_on_is_not_free() -> None:
    (port,) = kraft.free_ports(1)
    with socket.create_server(("127.0.0.1", port)):
        assert not kraft.is_free(port)
    assert kraft.is_free(port)


def test_free_ports_are_distinct_and_outside_those_of_outgoing_connections() -> None:
    ports = kraft.free_ports(50)

    assert len(set(ports)) == 50
    assert all(port in kraft.PORTS for port in ports)


def test_no_cluster_id_looks_like_an_option() -> None:
    # One draw in 64 would start with a dash: of 1,000, all but one run in ten million would show one.
    assert not [drawn for drawn in (kraft.cluster_id() for _ in range(1000)) if drawn.startswith("-")]


def test_the_node_listens_on_loopback_only_unless_told_otherwise() -> None:
    text = kraft.properties(log_dir="log", port=21000, controller_port=21001)

    assert "listeners=PLAINTEXT://127.0.0.1:21000,CONTROLLER://127.0.0.1:21001\n" in text
    assert "auto.create.topics.enable=false\n" in text


def test_a_node_of_three_knows_the_others_and_two_of_them_have_every_record() -> None:
    member = kraft.Member(2, (21001, 21003, 21005), "cluster")

    text = kraft.properties(log_dir="log", port=21002, controller_port=21003, member=member)

    assert "node.id=2\n" in text
    assert "controller.quorum.voters=1@127.0.0.1:21001,2@127.0.0.1:21003,3@127.0.0.1:21005\n" in text
    assert "offsets.topic.replication.factor=3\n" in text
    assert "min.insync.replicas=2\n" in text
