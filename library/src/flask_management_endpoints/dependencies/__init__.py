"""Other services.

Where their health is (urls, file), how to ask (client, probe) and how far (hops).
"""
