"""A Kafka on this machine, and the processes that run beside it.

``broker``    the one way to a broker for demo, tests and benchmarks: given, from Docker, or from the jars
``children``  processes that end when the one that started them ends
``jars``      the broker's jars, its class-data archive and the Java that runs them
``docker``    the same broker in a container
``kraft``     the settings of the node, whichever way it runs
"""
