"""A real gRPC server in a process of its own, for gRPC's threads would hinder tests that fork.

Arguments: where to listen, and as JSON the statuses of services; `null`: no health service. Prints its port.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

server = grpc.server(ThreadPoolExecutor(4))
statuses = json.loads(sys.argv[2])
if statuses is not None:
    servicer = health.HealthServicer()
    for service, status in statuses.items():
        servicer.set(service, health_pb2.HealthCheckResponse.ServingStatus.Value(status))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
port = server.add_insecure_port(f"{sys.argv[1]}:0")
server.start()
sys.stdout.write(f"{port}\n")
sys.stdout.flush()
server.wait_for_termination()
