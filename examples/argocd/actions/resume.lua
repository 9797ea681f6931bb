-- Lets the listings go on.
obj.spec.suspend = false
return obj
