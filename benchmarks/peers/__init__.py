"""The same job on other task queues, so that the engine can be measured beside them."""
