-- Pauses the listings.
obj.spec.suspend = true
return obj
