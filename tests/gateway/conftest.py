from tests.gateway.running import gateway

__all__ = ["gateway"]
