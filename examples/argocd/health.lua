-- The health of a MigrationTaskWatch, for Argo CD. argocd-cm.yaml has this text; a test compares the two.
--
-- A watch is Healthy when its gate is open: Succeeded, unless its annotation migration-task-watch.dev/healthy-when names
-- another one (Completed, CutoverReady), or Ready for a watch that nothing waits for.
local gates = {Ready = true, Completed = true, Succeeded = true, CutoverReady = true}

local function health(status, message)
  return {status = status, message = message}
end

local annotations = obj.metadata.annotations or {}
local name = annotations["migration-task-watch.dev/healthy-when"] or "Succeeded"
if not gates[name] then
  return health("Degraded", "The annotation migration-task-watch.dev/healthy-when is one of Ready, Completed, Succeeded and CutoverReady, not " .. name)
end

local status = obj.status
if status == nil or status.conditions == nil or status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", "Waiting for the operator")
end

local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition
end
local function is(kind)
  return conditions[kind] ~= nil and conditions[kind].status == "True"
end

-- A person must act.
if is("Stalled") then
  return health("Degraded", conditions["Stalled"].message)
end

local gate = conditions[name]
if gate == nil then
  return health("Progressing", "Waiting for the condition " .. name)
end
-- With filter.states nothing can be said of all tasks, and the gate never opens.
if gate.reason == "StatesFiltered" and conditions["Ready"] ~= nil then
  gate = conditions["Ready"]
end
-- These two stay closed as long as a task has failed or was aborted.
if name == "Succeeded" or name == "CutoverReady" then
  if is("TasksFailed") then
    return health("Degraded", conditions["TasksFailed"].message)
  elseif gate.reason == "TasksFailed" then
    return health("Degraded", gate.message)
  end
end

if gate.status == "True" then
  return health("Healthy", gate.message)
elseif obj.spec.suspend then
  return health("Suspended", gate.message)
end
return health("Progressing", gate.message)
