"""Ways to bring a short message to a phone: gateways for SMS and WhatsApp, asked one after the other until one takes it.

A **sender** is one such way, a **message** what it is to bring, its **outcome** what became of it. `configuration` reads the file that
the operator writes, `post` asks the senders in their order. A sender never raises for what happens out there, never logs a number,
a text or a secret, and says honestly when it can't know whether a message has left: then nobody sends it again by themselves.
"""
